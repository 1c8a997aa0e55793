r"""A map to latent variables and back, both ways at random: the step of a variational autoencoder."""

import math
from typing import Any, ClassVar, Protocol, runtime_checkable

import equinox as eqx
import jax
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import given
from pushforward._params import static
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractSurjection
from pushforward.supports import Support
from pushforward.supports._events import Passage
from pushforward.supports._fit import check_fits


@runtime_checkable
class Conditional(Protocol):
    """What an autoencoder is made of: a conditional distribution."""

    @property
    def event_shape(self) -> Shape:
        """Shape of one event."""
        ...

    @property
    def cond_shape(self) -> Shape | None:
        """Shape of the condition."""
        ...

    @property
    def support(self) -> Support:
        """Where events live."""
        ...

    @property
    def kinds(self) -> tuple[Kind, Kind]:
        """How the density and a sample are computed."""
        ...

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array: ...

    def _sample_many(
        self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None
    ) -> Array: ...

    def _sample_and_log_prob_many(self, key: PRNGKeyArray, n: int, condition: Array | None) -> tuple[Array, Array]: ...

    def _data_init(self, x: Array, condition: Array | None) -> Any: ...


class Autoencoder(AbstractSurjection):
    r"""Data from latent variables, $x \sim p(x \mid z)$, and latent variables from data, $z \sim q(z \mid x)$.

    `inverse` draws $z$ and returns $\log p(x \mid z) - \log q(z \mid x)$ where a log-det would stand, so that
    `Transformed(prior, Autoencoder(encoder, decoder))` is a variational autoencoder: its `log_prob`, given a key, is
    the evidence lower bound of one draw. Without a key the noise is always the same. Any flow may be the prior or the
    encoder, and a second autoencoder in the chain is a second layer of latent variables.

    Args:
        encoder: $q(z \mid x)$, conditional on events of the data: `embedded(flow, net)`, as a rule.
        decoder: $p(x \mid z)$, conditional on latent variables: `ConditionalBase(Bernoulli(...), latent, net=net)`.
        warm_up: How `objectives.elbo` trains it: share of all steps over which the weight of the divergence rises to 1.
        free_bits: The same: nats of the divergence, for each latent variable, that cost nothing.
        importance_samples: The same: draws of the bound, which is the importance weighted one from 2 on.

    Raises:
        TypeError: If one of the two is not a conditional distribution.
        ValueError: If the encoder does not draw what the decoder is conditional on, or the other way round, or a
            number is out of range.

    Example:
        >>> from pushforward.distributions import Bernoulli, ConditionalBase, embedded
        >>> q = pf.flows.gaussian(2, cond_dim=8, key=key)
        >>> encoder = embedded(q, pf.nets.Dense((5,), (8,), width=16, key=key))
        >>> decoder = ConditionalBase(Bernoulli(jnp.zeros(5)), 2, net=pf.nets.Dense((2,), (5,), width=16, key=key))
        >>> vae = Transformed(Normal.standard((2,)), Autoencoder(encoder, decoder))
        >>> vae.log_prob(jnp.ones((3, 5)), key=key).shape
        (3,)

    Reference:
        Kingma & Welling (2014), Auto-encoding variational Bayes, eq. 3. Nielsen, Jaini, Hoogeboom, Winther & Welling
        (2020), SurVAE flows, table 2, for its place among surjections.
    """

    encoder: Any
    decoder: Any
    warm_up: float = static(default=0.1)
    free_bits: float = static(default=0.0)
    importance_samples: int = static(default=1)

    cond_shape: ClassVar[Shape | None] = None
    inverse_kind: ClassVar[Kind] = "estimated"

    def __check_init__(self):
        for name, part in (("encoder", self.encoder), ("decoder", self.decoder)):
            if not isinstance(part, Conditional) or part.cond_shape is None:
                raise TypeError(f"Autoencoder: `{name}` must be a conditional distribution, got {given(part)}.")
        pairs = (("encoder", self.encoder, "decoder", self.decoder), ("decoder", self.decoder, "encoder", self.encoder))
        for name, part, other, seen in pairs:
            if part.event_shape != seen.cond_shape:
                raise ValueError(
                    f"Autoencoder: the {name} draws events of shape {part.event_shape}, but the {other} is "
                    f"conditional on shape {seen.cond_shape}."
                )
        if not (0 <= self.warm_up <= 1 and 0 <= self.free_bits < math.inf and self.importance_samples >= 1):
            raise ValueError(
                "Autoencoder: `warm_up` must be from 0 to 1, `free_bits` at least 0 and `importance_samples` at least "
                f"1, got {self.warm_up}, {self.free_bits} and {self.importance_samples}."
            )

    @property
    def in_shape(self) -> Shape:
        return self.encoder.event_shape

    @property
    def out_shape(self) -> Shape:
        return self.decoder.event_shape

    @property
    def forward_kind(self) -> Kind:
        return self.decoder.kinds[1]

    @property
    def image(self) -> Support:
        return self.decoder.support

    def _carry(self, support: Support, passage: Passage) -> Support:
        if passage.strict:
            check_fits(self, support, self.domain if passage.forward else self.image)
        return self.image if passage.forward else self.domain

    def centre(self, x: Array) -> Array:
        """Latent variables without noise, `(*out_shape, batch) -> (*in_shape, batch)`: for encoding."""
        return self.encoder._sample_many(jax.random.key(0), x.shape[-1], x, 0.0)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        n = x.shape[-1]
        if key is None:
            y = self.decoder._sample_many(jax.random.key(0), n, x, 0.0)
        else:
            y = self.decoder._sample_many(key, n, x, None)
        return y, self.encoder._log_prob_many(x, y, None) - self.decoder._log_prob_many(y, x, None)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        key = jax.random.key(0) if key is None else key
        z, log_q = self.encoder._sample_and_log_prob_many(key, x.shape[-1], x)
        return z, self.decoder._log_prob_many(x, z, None) - log_q

    def _data_init(self, x: Array, condition: Array | None) -> "tuple[Autoencoder, Array]":
        z = self.encoder._sample_many(jax.random.key(0), x.shape[-1], x, None)
        parts = self.encoder._data_init(z, x), self.decoder._data_init(x, z)
        return eqx.tree_at(lambda step: (step.encoder, step.decoder), self, parts), z
