"""Variational autoencoders: where their parts are, a prior made of the encoder, and what a draw says of the data."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Kind, Shape
from pushforward.bijections import AbstractBijection, Affine, Autoencoder, Chain, Conditioned
from pushforward.bijections.coupling._templates import fill
from pushforward.distributions._base import AbstractDistribution
from pushforward.distributions._embedded import Embedded
from pushforward.distributions._independent import Normal
from pushforward.distributions._transformed import Transformed
from pushforward.supports import Support


class VampPrior(AbstractDistribution):
    r"""$p(z) = \frac1K \sum_k q(z \mid u_k)$: the encoder's mixture over pseudo-inputs.

    Args:
        encoder: $q(z \mid x)$, whose density costs one pass, such as a Gaussian.
        inputs: $u_k$, `(*cond_shape, num_inputs)`, numbers of the data's own kind.
    """

    encoder: AbstractDistribution
    inputs: Array

    cond_shape = None

    @property
    def event_shape(self) -> Shape:
        return self.encoder.event_shape

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        law, seen = seen_once(self.encoder, self.inputs)
        once = _takes_one_condition(law)

        def of(one: Array) -> Array:
            given = one[..., None] if once else jnp.broadcast_to(one[..., None], (*one.shape, x.shape[-1]))
            return law._log_prob_many(x, given, None)

        each = jax.vmap(of, -1)(seen)
        return jax.nn.logsumexp(each, axis=0) - jnp.log(self.inputs.shape[-1])

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        which_key, key = jax.random.split(key)
        which = jax.random.randint(which_key, (n,), 0, self.inputs.shape[-1])
        return self.encoder._sample_many(key, n, self.inputs[..., which], temperature)


def _takes_one_condition(law: AbstractDistribution) -> bool:
    """Whether one condition may stand for all events: its networks then run once."""
    if not isinstance(law, Transformed) or law.base.cond_shape is not None:
        return False
    return all(isinstance(each, Conditioned) or each.cond_shape is None for each in _links(law.bijection))


class Vamp(AbstractDistribution):
    r"""A variational autoencoder whose prior is its encoder's mixture over pseudo-inputs, which are trained.

    `pushforward.fit` starts the pseudo-inputs at rows of the data, half-way to their mean.

    Args:
        autoencoder: Encoder and decoder.
        inputs: Pseudo-inputs $u_k$, `(num_inputs, *event_shape)`.
        low: Least number of a pseudo-input.
        high: Greatest one.

    Raises:
        ValueError: If the pseudo-inputs do not fit the encoder.

    Reference:
        Tomczak & Welling (2018), VAE with a VampPrior, eq. 9.
    """

    bijection: Autoencoder
    raw: Array
    low: float = static()
    high: float = static()

    cond_shape = None

    def __init__(self, autoencoder: Autoencoder, inputs: ArrayLike, *, low: float = 0.0, high: float = 1.0):
        inputs = jnp.asarray(inputs, jnp.result_type(float))
        if inputs.ndim < 1 or inputs.shape[1:] != autoencoder.out_shape or not len(inputs):
            raise ValueError(
                f"Vamp: `inputs` must have shape (num_inputs, {', '.join(map(str, autoencoder.out_shape))}), "
                f"got {inputs.shape}."
            )
        self.bijection, self.low, self.high = autoencoder, float(low), float(high)
        self.raw = self._raw_of(jnp.moveaxis(inputs, 0, -1))

    @property
    def inputs(self) -> Array:
        """The pseudo-inputs, `(num_inputs, *event_shape)`."""
        return jnp.moveaxis(self._inputs, -1, 0)

    @property
    def _inputs(self) -> Array:
        return self.low + (self.high - self.low) * jax.nn.sigmoid(self.raw)

    def _raw_of(self, inputs: Array) -> Array:
        share = jnp.clip((inputs - self.low) / (self.high - self.low), EDGE, 1.0 - EDGE)
        return jnp.log(share) - jnp.log1p(-share)

    @property
    def base(self) -> VampPrior:
        """The prior."""
        return VampPrior(self.bijection.encoder, self._inputs)

    @property
    def whole(self) -> Transformed:
        """Prior and autoencoder."""
        return Transformed(self.base, self.bijection)

    @property
    def event_shape(self) -> Shape:
        return self.bijection.out_shape

    @property
    def exact(self) -> bool:
        return False

    @property
    def support(self) -> Support:
        return self.bijection.image

    @property
    def kinds(self) -> tuple[Kind, Kind]:
        return self.whole.kinds

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        return self.whole._log_prob_many(x, None, key)

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        return self.whole._sample_many(key, n, None, temperature)

    def _sample_and_log_prob_many(self, key: PRNGKeyArray, n: int, condition: Array | None) -> tuple[Array, Array]:
        return self.whole._sample_and_log_prob_many(key, n, None)

    def _data_init(self, x: Array, condition: Array | None) -> "Vamp":
        count = self.raw.shape[-1]
        rows = x[..., jnp.arange(count) % x.shape[-1]]
        begun, _ = self.bijection._data_init(x, None)
        # Rows themselves are zeros and ones, or black and white, where a sigmoid has no slope.
        raw = self._raw_of(0.5 * (rows + jnp.mean(x, axis=-1, keepdims=True)))
        return eqx.tree_at(lambda vae: (vae.bijection, vae.raw), self, (begun, raw.astype(self.raw.dtype)))


EDGE = 0.01
"""Share of the range that pseudo-inputs stay away from its ends when they start."""


class Latent(NamedTuple):
    """The parts of a flow whose last step but for maps of the data's units is an autoencoder.

    Attributes:
        prior: The density of the latent variables.
        autoencoder: Encoder and decoder.
        units: From what the decoder gives to the data, or None.
    """

    prior: AbstractDistribution
    autoencoder: Autoencoder
    units: AbstractBijection | None

    def centre(self, x: Array) -> Array:
        """Latent variables without noise of events `(*event_shape, batch)`."""
        return self.autoencoder.centre(x if self.units is None else self.units._inverse_many(x, None, None)[0])

    def mean(self, z: Array) -> Array:
        """The mean of the events given latent variables `(*latent_shape, batch)`, by the map of the units."""
        mean = self.autoencoder.decoder._mean(z)
        return mean if self.units is None else self.units._forward_many(mean, None, None)[0]

    def seen(self, x: Array, key: PRNGKeyArray, count: int) -> "Seen":
        """Events as the autoencoder sees them, `count` times, the encoder's network run once for each."""
        if self.units is not None:  # which may draw noise, for each draw anew
            x, log_det = self.units._inverse_many(jnp.tile(x, count), None, key)
            return Seen(x, log_det, *seen_once(self.autoencoder.encoder, x))
        law, given = seen_once(self.autoencoder.encoder, x)
        x, given = (jnp.tile(each, count) for each in (x, given))
        return Seen(x, jnp.zeros(x.shape[-1], x.dtype), law, given)


class Seen(NamedTuple):
    """Events as an autoencoder sees them.

    Attributes:
        x: `(*decoder_shape, batch)`.
        log_det: Of the map of the units, `(batch,)`.
        law: The encoder behind its network.
        given: What the network makes of each event, the condition of `law`.
    """

    x: Array
    log_det: Array
    law: AbstractDistribution
    given: Array


def latent_of(flow: AbstractDistribution) -> Latent | None:
    """The parts of a variational autoencoder, or None for a flow that is none."""
    if isinstance(flow, Vamp):
        return Latent(flow.base, flow.bijection, None)
    if not isinstance(flow, Transformed):
        return None
    maps = _links(flow.bijection)
    for at in range(len(maps) - 1, -1, -1):
        step, after = maps[at], maps[at + 1 :]
        if isinstance(step, Autoencoder):
            prior = Transformed(flow.base, _chained(maps[:at])) if at else flow.base
            return Latent(prior, step, _chained(after) if after else None)
    inner = latent_of(flow.base)
    if inner is None:
        return None
    units = flow.bijection if inner.units is None else Chain([inner.units, flow.bijection])
    return inner._replace(units=units)


def noise_of(flow: AbstractDistribution, x: Array, condition: Array | None = None) -> Array:
    """The noise behind events `(*event_shape, batch)`, without draws: of an autoencoder that of its centre."""
    latent = latent_of(flow)
    if latent is not None:
        return noise_of(latent.prior, latent.centre(x))
    return flow.bijection._inverse_many(x, condition, None)[0] if isinstance(flow, Transformed) else x


def _links(bijection: AbstractBijection) -> list[AbstractBijection]:
    """The maps of a chain, and of chains in it."""
    return (
        [link for part in bijection.bijections for link in _links(part)]
        if isinstance(bijection, Chain)
        else [bijection]
    )


def _chained(maps: list[AbstractBijection]) -> AbstractBijection:
    return maps[0] if len(maps) == 1 else Chain(maps)


class Draw(NamedTuple):
    r"""What draws of the latent variables say of each event; all but `z` are `(batch,)`.

    Attributes:
        z: `(*latent_shape, batch)`.
        log_likelihood: $\log p(x \mid z)$, in the data's units.
        log_prior: $\log p(z)$, or a draw of its bound.
        log_posterior: $\log q(z \mid x)$.
        divergences: $\mathrm{KL}(q(z_i \mid x) \| p(z_i))$ of each latent variable, `(*latent_shape, batch)`, where
            both are independent Gaussians; None for flows, whose divergence has no such parts.
    """

    z: Array
    log_likelihood: Float[Array, " batch"]
    log_prior: Float[Array, " batch"]
    log_posterior: Float[Array, " batch"]
    divergences: Array | None


def drawn(latent: Latent, x: Array, key: PRNGKeyArray, count: int = 1) -> Draw:
    """`count` draws for each event of `(*event_shape, n)`; the batch of the answer is `count * n`, draws first."""
    units_key, key, prior_key = jax.random.split(key, 3)
    x, log_det, law, given = latent.seen(x, units_key, count)
    z, log_q = law._sample_and_log_prob_many(key, x.shape[-1], given)
    log_prior = latent.prior._log_prob_many(z, None, prior_key)
    log_likelihood = latent.autoencoder.decoder._log_prob_many(x, z, None) + log_det
    return Draw(z, log_likelihood, log_prior, log_q, _divergences(law, given, latent.prior))


def _divergences(law: AbstractDistribution, given: Array, prior: AbstractDistribution) -> Array | None:
    """Divergences of independent Gaussians from one another, `(*latent_shape, batch)`; None for other laws."""
    if not (isinstance(prior, Normal) and isinstance(law, Transformed) and isinstance(law.base, Normal)):
        return None
    maps = _links(law.bijection)
    if len(maps) != 1 or not isinstance(maps[0], Conditioned) or not isinstance(maps[0].inner, Affine):
        return None
    stretch = fill(maps[0].inner, maps[0].net(given))
    mean = stretch.loc + stretch.scale * law.base._mean(None)
    ratio = stretch.scale**2 * law.base._variance(None) / prior._variance(None)
    away = (mean - prior._mean(None)) ** 2 / prior._variance(None)
    return 0.5 * (away + ratio - 1.0 - jnp.log(ratio))


def seen_once(encoder: AbstractDistribution, x: Array) -> tuple[AbstractDistribution, Array]:
    """The encoder behind its network, and what the network makes of each event: for many draws of each."""
    if isinstance(encoder, Embedded):
        seen = encoder._embed(x)
        assert seen is not None  # a condition was given
        return encoder.distribution, seen
    return encoder, x
