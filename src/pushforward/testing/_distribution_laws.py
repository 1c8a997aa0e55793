"""The laws of distributions; each states a fact and yields where it does not hold."""

from collections.abc import Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pushforward._params import partition
from pushforward.distributions import AbstractDistribution
from pushforward.testing._distribution_facts import EVENTS, LawSubject
from pushforward.testing._law import Failure, Law, listed, worst
from pushforward.testing._parts import (
    FAR,
    a_reload_is_bit_equal,
    every_leaf_is_an_array_of_floats,
    not_finite,
    not_refused,
    shapes_are_plain_data,
    wrong_kinds,
)

BOTH_PASSES, BATCH = 2e-4, 1e-4
FAR_POINTS = 16


def _leaves(subject: LawSubject) -> Iterator[Failure]:
    yield from every_leaf_is_an_array_of_floats(subject.given)


def _shapes(subject: LawSubject) -> Iterator[Failure]:
    yield from shapes_are_plain_data(subject.given)


def _file(subject: LawSubject) -> Iterator[Failure]:
    yield from a_reload_is_bit_equal(subject.given)


_leaves.__name__ = every_leaf_is_an_array_of_floats.__name__
_shapes.__name__ = shapes_are_plain_data.__name__
_file.__name__ = a_reload_is_bit_equal.__name__


def kinds_are_words_for_kinds(subject: LawSubject) -> Iterator[Failure]:
    """`kinds` is (density, sampling)."""
    yield from wrong_kinds(dict(zip(("kinds[0]", "kinds[1]"), subject.given.kinds, strict=True)))


def wrong_input_is_refused_in_words(subject: LawSubject) -> Iterator[Failure]:
    """A shape that does not fit, a condition that is missing or not wanted."""
    given, wanted = subject.distribution, "a ValueError in words"
    x, other = np.zeros(given.event_shape, np.float32), None
    if given.event_shape:
        larger = np.zeros((*given.event_shape[:-1], given.event_shape[-1] + 1), np.float32)
        where = f"`log_prob` of shape {larger.shape}"
        yield from not_refused(lambda: given.log_prob(larger, subject.condition), where, wanted)
    what = "without a condition"
    if subject.conditions is None:
        what, other = "with a condition", np.zeros(1, np.float32)
    yield from not_refused(lambda: given.log_prob(x, other), f"`log_prob` {what}", wanted)
    yield from not_refused(lambda: given.sample(subject.key, 2, other), f"`sample` {what}", wanted)


def samples_have_the_shape_that_was_asked_for(subject: LawSubject) -> Iterator[Failure]:
    """`(*sample_shape, *cond_batch, *event_shape)`, in float32."""
    d, batch = subject.distribution, () if subject.conditions is None else (EVENTS,)
    cause = "`_sample_many(key, n, ...)` returns `(*event_shape, n)`: events along the last axis."
    for asked in ((), (2, 3)):
        x = jax.eval_shape(lambda key, s=asked: d.sample(key, s, subject.conditions), subject.key)
        shape = (*asked, *batch, *d.event_shape)
        if x.shape != shape:
            yield Failure(f"sample_shape={asked}", f"shape {x.shape}", f"shape {shape}", cause)
        if x.dtype != jnp.float32 and subject.continuous:
            yield Failure(f"sample_shape={asked}", f"{x.dtype}", "float32 for float32", "Noise of a fixed precision.")
        p = jax.eval_shape(lambda x: d.log_prob(x, subject.conditions), jax.ShapeDtypeStruct(shape, jnp.float32))
        if p.shape != shape[: len(shape) - len(d.event_shape)]:
            yield Failure(f"`log_prob` of shape {shape}", f"shape {p.shape}", "one number for each event", cause)


def the_same_key_gives_the_same_samples(subject: LawSubject) -> Iterator[Failure]:
    """And another key gives others."""
    d, n = subject.distribution, None if subject.conditions is None else subject.conditions
    count = () if n is not None else EVENTS
    again = np.asarray(d.sample(subject.key, count, n))
    other = np.asarray(d.sample(jax.random.key(subject.seed + 1), count, n))
    if not np.array_equal(again, subject.events, equal_nan=True):
        cause = "Noise comes from somewhere else than `key`."
        yield Failure("`sample` twice with one key", listed(again), listed(subject.events), cause)
    if np.array_equal(other, subject.events) and (subject.continuous or subject.seed):
        yield Failure("`sample` with another key", "the same samples", "others", "`_sample_many` does not use `key`.")


def samples_of_a_batch_differ(subject: LawSubject) -> Iterator[Failure]:
    """Each draw has noise of its own."""
    if subject.continuous and subject.size and len(np.unique(subject.flat_draws, axis=0)) < 2:
        cause = "`_sample_many` draws one event and repeats it: draw `(*event_shape, n)`."
        yield Failure(f"{len(subject.draws)} draws", "one value", "as many values", cause)


def density_of_a_sample_is_the_same_from_both_passes(subject: LawSubject) -> Iterator[Failure]:
    """`sample_and_log_prob` gives what `log_prob` gives."""
    d, n = subject.distribution, subject.conditions
    if not d.exact:
        return
    x, promised = d.sample_and_log_prob(subject.key, () if n is not None else EVENTS, n)
    wanted = subject.log_prob(np.asarray(x), n)
    x = np.asarray(x)
    cause = "`_sample_and_log_prob_many` and `_log_prob_many` are two formulas: a log-det of the wrong sign in one."
    limit = max(BOTH_PASSES, subject.tolerance)
    yield from worst(np.asarray(promised, np.float64), wanted, limit, lambda i: f"x = {listed(x[i])}", cause)


def a_batch_is_scored_like_its_events(subject: LawSubject) -> Iterator[Failure]:
    """A batch, `jax.vmap` over events, and conditions that broadcast agree."""
    d, x, n = subject.distribution, subject.events, subject.conditions
    together = subject.log_prob(x, n)
    one_by_one = np.asarray(jax.vmap(d.log_prob)(x) if n is None else jax.vmap(d.log_prob)(x, n), np.float64)
    cause = "An event depends on its neighbours in the batch: a mean, a sort or a maximum over the last axis."
    limit = max(BATCH, subject.tolerance)
    yield from worst(together, one_by_one, limit, subject.where, cause)
    if n is not None:
        every = subject.log_prob(x[:, None], n)  # each event for each condition
        cause = "Conditions do not broadcast: `condition` in `_log_prob_many` has events along the last axis."
        yield from worst(np.diagonal(every), one_by_one, limit, subject.where, cause)


def the_condition_matters(subject: LawSubject) -> Iterator[Failure]:
    """Density and samples are other ones for another condition."""
    n = subject.conditions
    if n is None or not subject.noise:
        return
    cause = "`cond_shape` is set, but the condition is not used: use it, or make `cond_shape` None."
    if np.allclose(subject.log_prob(subject.events, n), subject.log_prob(subject.events, n + 1.0), atol=1e-5):
        yield Failure("`log_prob`, conditions moved by 1", "the same density", "another", cause)
    if np.array_equal(subject.events, np.asarray(subject.distribution.sample(subject.key, (), n + 1.0))):
        yield Failure("`sample`, conditions moved by 1", "the same samples", "others", cause)


def temperature_is_obeyed(subject: LawSubject) -> Iterator[Failure]:
    """1 is the model; another is used, or refused with a ValueError."""
    d, n = subject.distribution, subject.conditions
    count, cause = (
        () if n is not None else EVENTS,
        "`_sample_many` scales its noise by `temperature` unless it is None.",
    )
    try:
        one, cold = (np.asarray(d.sample(subject.key, count, n, temperature=t)) for t in (1.0, 0.3))
    except ValueError:
        return
    yield from worst(one.astype(np.float64), subject.events.astype(np.float64), 1e-3, lambda _: "temperature=1", cause)
    if subject.continuous and np.array_equal(cold, one):
        yield Failure("temperature=0.3", "the samples of temperature 1", "others, or a ValueError", cause)
    if not np.all(np.isfinite(cold)):
        yield Failure("temperature=0.3", listed(cold), "finite samples", cause)


def log_prob_is_finite_or_minus_infinity(subject: LawSubject) -> Iterator[Failure]:
    """Finite at samples; up to 1e4 away finite with finite gradients, or -inf."""
    cause = (
        "An overflow, 0 times infinity, or a `where` whose other branch has no gradient: clip before the branch, and "
        "give both sides a safe input."
    )
    at_samples = subject.log_prob(subject.events, subject.conditions)
    for event in np.flatnonzero(~np.isfinite(at_samples))[:1]:
        yield Failure(f"a sample, {subject.where(int(event))}", f"{at_samples[event]}", "a finite log-density", cause)
    if not subject.continuous:
        return
    if subject.far:
        yield from _far_failures(subject, cause)


def nan_in_nan_out(subject: LawSubject) -> Iterator[Failure]:
    """An event with a NaN at one place has the log-density NaN, not -inf and no number."""
    if not subject.size:
        return
    x = np.array(subject.events, np.float32)
    places = np.arange(EVENTS) % subject.size
    x.reshape(EVENTS, -1)[np.arange(EVENTS), places] = np.nan
    log_prob = subject.log_prob(x, subject.conditions)
    for event in np.flatnonzero(~np.isnan(log_prob))[:1]:
        cause = "A public method is overridden, or a `clip`, a comparison or a table hides the NaN."
        yield Failure(f"x = {listed(x[event])}", f"{log_prob[event]:.6g}", "NaN", cause)


def _far_failures(subject: LawSubject, cause: str) -> Iterator[Failure]:
    shape = (FAR_POINTS, *subject.given.event_shape)
    x = (FAR * np.random.default_rng(9).standard_normal(shape)).astype(np.float32)
    condition = None if subject.condition is None else jnp.asarray(subject.condition)
    log_prob, by_weights, by_x = _gradients(subject.distribution, jnp.asarray(x), condition)
    log_prob, by_x = np.asarray(log_prob), np.asarray(by_x).reshape(FAR_POINTS, -1)
    for event in np.flatnonzero(np.isnan(log_prob) | np.isposinf(log_prob))[:1]:
        yield Failure(f"x = {listed(x[event])}", f"log-density {log_prob[event]}", "finite or -inf", cause)
    for event in np.flatnonzero(~np.all(np.isfinite(by_x), axis=1))[:1]:
        yield Failure(f"x = {listed(x[event])}, gradient for x", listed(by_x[event]), "finite numbers", cause)
    yield from not_finite(by_weights, cause)


@jax.jit
def _gradients(distribution: AbstractDistribution, x: Array, condition: Array | None):
    weights, rest = partition(distribution)

    def total(weights, x: Array):
        log_prob = eqx.combine(weights, rest).log_prob(x, condition)
        return jnp.sum(jnp.where(jnp.isneginf(log_prob), 0.0, log_prob)), log_prob

    (by_weights, by_x), log_prob = jax.grad(total, argnums=(0, 1), has_aux=True)(weights, x)
    return log_prob, by_weights, by_x


PART_LAWS: tuple[Law[LawSubject], ...] = (_leaves, _shapes)
DISTRIBUTION_LAWS: tuple[Law[LawSubject], ...] = (
    kinds_are_words_for_kinds,
    wrong_input_is_refused_in_words,
    samples_have_the_shape_that_was_asked_for,
    the_same_key_gives_the_same_samples,
    samples_of_a_batch_differ,
    log_prob_is_finite_or_minus_infinity,
    nan_in_nan_out,
    density_of_a_sample_is_the_same_from_both_passes,
    a_batch_is_scored_like_its_events,
    the_condition_matters,
    temperature_is_obeyed,
    _file,
)
