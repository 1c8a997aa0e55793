"""A window of several series, step by step given what came before it."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from pushforward._errors import check_part
from pushforward._params import buffer, static
from pushforward._types import Kind, Shape, worst_kind
from pushforward.distributions._base import AbstractDistribution
from pushforward.distributions._transformed import drawn_ahead
from pushforward.distributions.series._numbers import checked_numbers, log_known, noise_around, rounded, where_they_live
from pushforward.distributions.series._units import (
    LEAST_SHARE,
    Seen,
    at_least,
    check_scaling,
    fitted_line,
    least,
    scales,
    usual,
)
from pushforward.nets import AbstractEncoder
from pushforward.nets._recurrent import Dropout
from pushforward.supports import Support


class SeriesFlow(AbstractDistribution):
    r"""$p(x_{1:H} \mid \text{past}) = \prod_t s^{-1}\, p_u\!\left((x_t - c_t) / s - M i_t \mid h_t, i_t\right)$.

    An event is a window `(horizon, series)`. An encoder reads what is known before each step: its output $h_t$ and the
    inputs $i_t$ are the condition of one flow over all series at one time, the *emission*. A density is one pass over
    the window; a sample goes step by step, with the state of the encoder carried along.

    Inputs are the values at some lags, whether the last one was missing, the covariates of the step and the logarithm
    of the scale, all in the window's own units: $s$ is for each series the mean of $|x|$ in its past and $c_t = 0$, or
    ("steps") $s$ is the mean of $|x_t - x_{t-1}|$ and $c_t = x_{t-1}$. $M$ is a linear forecast.

    The condition is an array `(past + horizon, 2 series + covariates)`, a row a step: values, whether they are
    missing (1) or there (0), and covariates. Values of the horizon are not looked at. Where one is missing in the past,
    its last value before stands in its place. A step of the horizon of which a value is missing does not count: the
    log-density is that of the other steps, each given what is there before it.

    Of whole numbers it is the log-probability that is bounded from below, in the mean over keys: noise from
    U(-1/2, 1/2) is put around them, none without a key. Samples are rounded, and those of counts are 0 at least.

    Args:
        encoder: From `input_size(...)` numbers a step.
        emission: Over `(series,)`, given the encoder's output and the inputs.
        horizon: Steps of a window.
        context: Steps before it that the encoder reads.
        lags: Which values before a step are its inputs; 1 is the last.
        covariates: Numbers that are known of each step, those of the future too.
        scaling: "mean", "steps" or "none".
        numbers: What each series holds: "real", "whole" for whole numbers, "count" for those from 0 on; all real if
            there are no words.
        dropout: Share of the numbers inside of the encoder that is left out in steps of training.
        bend: Where the networks begin to see inputs by their logarithm, in units of the window: they are given
            $b \operatorname{asinh}(i / b)$. Without it (0) a path that leaves what was learned may grow without end, as
            networks of larger inputs say larger changes. The linear forecast has the inputs themselves.

    Raises:
        ValueError: If a size, a lag, a word or a share cannot be, or the parts do not fit.

    Example:
        >>> flow = pf.flows.tempflow(2, horizon=3, context=5, width=8, key=key)
        >>> past = jnp.zeros(flow.cond_shape)
        >>> flow.sample(key, 10, past).shape, flow.log_prob(jnp.zeros((3, 2)), past).shape
        ((10, 3, 2), ())

    Reference:
        Rasul, Sheikh, Schuster, Bergmann & Vollgraf (2021), Multivariate probabilistic time series forecasting via
        conditioned normalizing flows.

    Note:
        The paper scales by the mean; steps, the linear forecast and inputs that reach the emission directly are ours.
    """

    encoder: AbstractEncoder
    emission: AbstractDistribution
    linear: Array
    usual_scale: Array = buffer()
    horizon: int = static()
    context: int = static()
    lags: tuple[int, ...] = static()
    covariates: int = static()
    scaling: str = static()
    numbers: tuple[str, ...] = static(default=())
    dropout: float = static(default=0.0)
    least_scale: Array | None = buffer(default=None)
    bend: float = static(default=0.0)

    def __init__(
        self,
        encoder: AbstractEncoder,
        emission: AbstractDistribution,
        *,
        horizon: int,
        context: int,
        lags: tuple[int, ...] = (1, 2),
        covariates: int = 0,
        scaling: str = "mean",
        numbers: tuple[str, ...] = (),
        dropout: float = 0.0,
        bend: float = 0.0,
    ):
        check_part("SeriesFlow", "encoder", encoder, AbstractEncoder, "Write `GRU(inputs, key=key)`.")
        check_part("SeriesFlow", "emission", emission, AbstractDistribution, "Write `flows.maf(series, cond_dim=...)`.")
        check_sizes("SeriesFlow", horizon, context, lags, covariates)
        check_scaling("SeriesFlow", scaling)
        self.encoder, self.emission = encoder, emission
        self.horizon, self.context, self.lags = horizon, context, tuple(lags)
        self.covariates, self.scaling = covariates, scaling
        if not 0 <= dropout < 1:
            raise ValueError(f"SeriesFlow: `dropout` must be at least 0 and below 1, got {dropout}.")
        if not 0 <= bend < math.inf:
            raise ValueError(f"SeriesFlow: `bend` must be at least 0 and finite, got {bend}.")
        self.bend = float(bend)
        (series,) = emission.event_shape
        self.numbers, self.dropout = checked_numbers("SeriesFlow", numbers, series), dropout
        inputs = input_size(series, len(lags), covariates)
        if emission.cond_shape != (encoder.out_size + inputs,):
            raise ValueError(
                f"SeriesFlow: the emission must have a condition of {encoder.out_size} + {inputs} numbers, the "
                f"encoder's and the inputs, got {emission.cond_shape}. Build it with "
                f"`cond_dim={encoder.out_size + inputs}`."
            )
        self.linear = jnp.zeros((series, inputs))
        self.usual_scale, self.least_scale = jnp.ones(series), jnp.full(series, LEAST_SHARE)

    @property
    def num_series(self) -> int:
        """How many series there are."""
        return self.emission.event_shape[0]

    @property
    def past(self) -> int:
        """Steps before the window that are looked at: the context, and what its lags reach back to."""
        return self.context + max(self.lags)

    @property
    def event_shape(self) -> Shape:
        return (self.horizon, self.num_series)

    @property
    def cond_shape(self) -> Shape:
        return (self.past + self.horizon, 2 * self.num_series + self.covariates)

    @property
    def exact(self) -> bool:
        return self.emission.exact and not self.numbers

    @property
    def support(self) -> Support:
        return where_they_live(self.numbers, self.horizon)

    @property
    def kinds(self) -> tuple[Kind, Kind]:
        density, sampling = self.emission.kinds
        density = worst_kind([density, "estimated"]) if self.numbers else density
        return density, worst_kind([sampling, "sequential"])

    def step_log_prob(
        self, x: ArrayLike, condition: ArrayLike, *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "*batch horizon"]:
        """The log-density of each step of a window given those before it; 0 where one is missing.

        Args:
            x: `(*batch, horizon, series)`.
            condition: `(*batch, past + horizon, 2 series + covariates)`.
            key: For the noise around whole numbers.
        """
        x, condition = jnp.asarray(x), jnp.asarray(condition)
        batch = x.shape[:-2]
        rows = (x.reshape(-1, *self.event_shape), condition.reshape(-1, *self.cond_shape))
        return jnp.moveaxis(_steps(self, *(jnp.moveaxis(a, 0, -1) for a in rows), key), -1, 0).reshape(*batch, -1)

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        assert condition is not None
        return jnp.sum(self._each_step(x, condition, key), axis=0)

    def _log_prob_in_training(self, x: Array, condition: Array | None, key: PRNGKeyArray) -> Array:
        assert condition is not None
        drop_key, key = jax.random.split(key)
        drop = Dropout(drop_key, self.dropout) if self.dropout else None
        return jnp.sum(self._each_step(x, condition, key, drop), axis=0)

    def _each_step(
        self, x: Array, condition: Array, key: PRNGKeyArray | None = None, drop: Dropout | None = None
    ) -> Array:
        """Log-densities `(horizon, batch)`; 0 for a step of which a value is missing."""
        noise_key, key = (None, None) if key is None else jax.random.split(key)
        seen, scale = self._seen(condition, x)
        states, inputs = self._all_states(seen, scale, drop)
        given = jnp.concatenate([states, self._bent(inputs)], axis=1)
        off = x - self._centres(seen.values) + noise_around(self.numbers, noise_key, x)
        noise = off / scale - jnp.einsum("si,tib->tsb", self.linear, inputs)
        log_prob = self.emission._log_prob_many(_side_by_side(noise), _side_by_side(given), key)
        log_prob = log_prob.reshape(self.horizon, -1) - jnp.sum(jnp.log(scale), axis=0) + log_known(self.numbers, x)
        there = jnp.all(seen.missing[self.past :] < 0.5, axis=1)
        return jnp.where(there, log_prob, 0.0)

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        assert condition is not None
        seen, scale = self._seen(condition)
        state, first = _behind(self, seen, scale), self.past - max(self.lags)
        chance, emit = drawn_ahead(self.emission, jax.random.split(key, self.horizon), n, temperature)

        def step(carry: Any, now: Any) -> tuple[Any, Array]:
            last, gone, state = carry
            known, own = now
            here = Seen(last, gone, known[None])
            inputs = self._inputs_at(here, scale)
            bent = self._bent(inputs)
            said, state = self.encoder.read(bent[None], state)
            given = jnp.concatenate([said[0], bent])
            noise = emit(own, given)
            x = rounded(self.numbers, self._centre_behind(last) + scale * (noise + self.linear @ inputs))
            last = jnp.concatenate([last[1:], x[None]])
            return (last, jnp.concatenate([gone[1:], jnp.zeros_like(gone[:1])]), state), x

        start = seen.values[first : self.past], seen.missing[first : self.past], state
        return lax.scan(step, start, (seen.known[self.past :], chance))[1]

    def _data_init(self, x: Array, condition: Array | None) -> "SeriesFlow":
        assert condition is not None
        seen, _ = self._seen(condition, x)
        own = scales(self.scaling, seen.values[: self.past], seen.missing[: self.past])
        flow: SeriesFlow = eqx.tree_at(
            lambda flow: (flow.usual_scale, flow.least_scale),
            self,
            (usual(own), least(own)),
            is_leaf=lambda x: x is None,
        )
        seen, scale = flow._seen(condition, x)
        states, inputs = flow._all_states(seen, scale)
        around = noise_around(self.numbers, jax.random.key(0), x)
        targets = _side_by_side((x - flow._centres(seen.values) + around) / scale)
        linear = fitted_line(_side_by_side(inputs), targets)
        rest = targets - linear @ _side_by_side(inputs)
        given = jnp.concatenate([states, self._bent(inputs)], axis=1)
        emission = flow.emission._data_init(rest, _side_by_side(given))
        return eqx.tree_at(lambda flow: (flow.linear, flow.emission), flow, (linear, emission))

    def _seen(self, condition: Array, x: Array | None = None) -> tuple[Seen, Array]:
        """The window with its past, and the scale of each series."""
        size = self.num_series
        values, missing, known = condition[:, :size], condition[:, size : 2 * size], condition[:, 2 * size :]
        scale = scales(self.scaling, values[: self.past], missing[: self.past])
        scale = at_least(scale, self.usual_scale, self.least_scale)
        values = values if x is None else jnp.concatenate([values[: self.past], x])
        return Seen(values, missing, known), scale

    def _all_states(self, seen: Seen, scale: Array, drop: Dropout | None = None) -> tuple[Array, Array]:
        """What the encoder says of each step of the horizon, and the inputs."""
        inputs = self._inputs(seen, scale, self.past - self.context, self.past + self.horizon)
        empty = self.encoder.empty(inputs.shape[-1], inputs.dtype)
        states, _ = self.encoder.read(self._bent(inputs), empty, drop)
        return states[self.context :], inputs[self.context :]

    def _inputs(self, seen: Seen, scale: Array, start: int, stop: int) -> Array:
        """Inputs of the steps from `start` to before `stop`, `(steps, inputs, batch)`."""
        most = max(self.lags)

        def at(place: Array) -> Array:
            values, missing = (
                lax.dynamic_slice_in_dim(each, place - most, most) for each in (seen.values, seen.missing)
            )
            known = lax.dynamic_slice_in_dim(seen.known, place, 1)
            return self._inputs_at(Seen(values, missing, known), scale)

        return jax.vmap(at)(jnp.arange(start, stop))

    def _inputs_at(self, before: Seen, scale: Array) -> Array:
        """Inputs of one step from the values that its lags reach, `(max(lags), series, batch)`, and its covariates."""
        centre = self._centre_behind(before.values)
        lagged = [(before.values[-lag] - centre) / scale for lag in self.lags]
        size = jnp.log(scale / self.usual_scale[:, None])
        return jnp.concatenate([*lagged, before.missing[-1], before.known[0], size])

    def _bent(self, inputs: Array) -> Array:
        """What the networks see of the inputs."""
        return self.bend * jnp.arcsinh(inputs / self.bend) if self.bend else inputs

    def _centre_behind(self, before: Array) -> Array:
        return before[-1] if self.scaling == "steps" else jnp.zeros_like(before[-1])

    def _centres(self, values: Array) -> Array:
        """The centre of each step of the horizon."""
        before = values[self.past - 1 : self.past + self.horizon - 1]
        return before if self.scaling == "steps" else jnp.zeros_like(before)


@jax.custom_jvp
def _behind(flow: SeriesFlow, seen: Seen, scale: Array) -> Any:
    """The encoder's state behind the past; a past that is the same for all draws is read once."""
    if scale.shape[-1] < 2:
        return _behind_each(flow, seen, scale)

    def once() -> Any:
        state = _behind_each(flow, *jax.tree.map(lambda all_: all_[..., :1], (seen, scale)))
        empty = flow.encoder.empty(scale.shape[-1], scale.dtype)
        return jax.tree.map(lambda one, all_: jnp.broadcast_to(one, all_.shape), state, empty)

    past = jax.tree.map(lambda all_: all_[: flow.past], seen)
    alike = jnp.stack([jnp.all(all_ == all_[..., :1]) for all_ in (*past, scale)])
    return lax.cond(jnp.all(alike), once, lambda: _behind_each(flow, seen, scale))


@_behind.defjvp
def _behind_jvp(primals: Any, tangents: Any) -> Any:
    """Derivatives are those of reading the past of each draw, as pasts that are equal may not move alike."""
    return jax.jvp(_behind_each, primals, tangents)


def _behind_each(flow: SeriesFlow, seen: Seen, scale: Array) -> Any:
    inputs = flow._bent(flow._inputs(seen, scale, flow.past - flow.context, flow.past))
    return flow.encoder.read(inputs, flow.encoder.empty(inputs.shape[-1], inputs.dtype))[1]


@jax.jit
def _steps(flow: SeriesFlow, x: Array, condition: Array, key: PRNGKeyArray | None) -> Array:
    return flow._each_step(x, condition, key)


def input_size(series: int, lags: int, covariates: int) -> int:
    """Numbers that an encoder is given of a step."""
    return series * (lags + 2) + covariates


def check_sizes(name: str, horizon: int, context: int, lags: tuple[int, ...], covariates: int) -> None:
    """A ValueError for a size below 1, or lags that are none."""
    for what, size in {"horizon": horizon, "context": context}.items():
        if size < 1:
            raise ValueError(f"{name}: `{what}` must be at least 1, got {size}.")
    if covariates < 0:
        raise ValueError(f"{name}: `covariates` must be at least 0, got {covariates}.")
    whole = all(isinstance(lag, int) and lag >= 1 for lag in lags)
    if not lags or not whole or len(set(lags)) < len(lags):
        raise ValueError(f"{name}: `lags` must be different whole numbers from 1 on, at least one, got {lags}.")


def _side_by_side(steps: Array) -> Array:
    """`(steps, size, batch) -> (size, steps * batch)`."""
    return jnp.moveaxis(steps, 0, 1).reshape(steps.shape[1], -1)
