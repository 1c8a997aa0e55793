"""The laws of invertible maps; each states a fact and yields where it does not hold."""

from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Jaxpr
from jaxtyping import Array

from pushforward._params import partition
from pushforward.bijections import AbstractBijection
from pushforward.testing._bijection_facts import WILD, MapSubject
from pushforward.testing._law import Failure, Law, listed, worst
from pushforward.testing._parts import (
    FAR,
    a_reload_is_bit_equal,
    cast,
    every_leaf_is_an_array_of_floats,
    not_finite,
    not_refused,
    perturb,
    shapes_are_plain_data,
    wrong_kinds,
)

# Relative, of the kind of the harder direction: closed forms and loops round off, solvers stop a few steps early.
ROUND_TRIP = {
    "float64": {"analytic": 1e-10, "sequential": 1e-10, "iterative": 1e-9, "estimated": 1e-9},
    "float32": {"analytic": 1e-4, "sequential": 1e-4, "iterative": 1e-3, "estimated": 1e-3},
}
LOG_DET, INVERSE_JACOBIAN, BATCH, BATCH_BACK, GRADIENT, JIT = 1e-9, 1e-7, 1e-11, 1e-9, 1e-8, 1e-4
FAR_POINTS = 16


def _leaves(subject: MapSubject) -> Iterator[Failure]:
    yield from every_leaf_is_an_array_of_floats(subject.given)


def _shapes(subject: MapSubject) -> Iterator[Failure]:
    yield from shapes_are_plain_data(subject.given)


def _file(subject: MapSubject) -> Iterator[Failure]:
    yield from a_reload_is_bit_equal(subject.given)


_leaves.__name__ = every_leaf_is_an_array_of_floats.__name__
_shapes.__name__ = shapes_are_plain_data.__name__
_file.__name__ = a_reload_is_bit_equal.__name__


def kinds_are_told_honestly(subject: MapSubject) -> Iterator[Failure]:
    """A direction that is "analytic" or "sequential" has no loop whose end depends on values: that is a solver."""
    given = subject.given
    kinds = {"forward_kind": given.forward_kind, "inverse_kind": given.inverse_kind}
    yield from wrong_kinds(kinds)
    condition = None if given.cond_shape is None else jnp.zeros(given.cond_shape)
    for (name, kind), method, shape in zip(
        kinds.items(), (given._forward, given._inverse), (given.in_shape, given.out_shape), strict=True
    ):
        if kind in ("analytic", "sequential"):
            program = jax.make_jaxpr(lambda x, m=method: m(x, condition, None))(jnp.zeros(shape))
            if _searches(program.jaxpr):
                yield Failure(
                    f"`{name}`",
                    f'"{kind}", though the program holds a loop that ends when values say so',
                    '"iterative", or a closed form',
                    "A root is searched: say so, since tests, tables and error texts take the tolerance from the kind.",
                )


def _searches(program: Jaxpr) -> bool:
    return any(e.primitive.name == "while" or any(map(_searches, _inside(e.params))) for e in program.eqns)


def _inside(value: Any) -> Iterator[Jaxpr]:
    # Newer JAX wraps `custom_root` and its like in an object, whose programs are in `params`.
    value = getattr(value, "params", value)
    if isinstance(value, dict):
        value = tuple(value.values())
    value = getattr(value, "jaxpr", value)  # of a closed one
    if isinstance(value, Jaxpr):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _inside(item)


def events_keep_their_shape_and_precision(subject: MapSubject) -> Iterator[Failure]:
    """`(in_shape) -> (out_shape), ()` and back, in the precision that came in."""
    given, f, n = subject.given, subject.single, len(subject.inputs)
    expected = {
        "forward": (f.y, given.out_shape),
        "log_det of forward": (f.log_det, ()),
        "inverse": (f.back, given.in_shape),
        "log_det of inverse": (f.log_det_back, ()),
    }
    for name, (value, shape) in expected.items():
        if value.shape != (n, *shape):
            cause = "`in_shape` or `out_shape` is not what the map does, or the log-det is not summed over the event."
            yield Failure(name, f"shape {value.shape[1:]}", f"shape {shape}", cause)
        if value.dtype != np.float32:
            yield Failure(name, f"{value.dtype}", "float32 for float32", "A NumPy constant or a cast in the map.")


def wrong_input_is_refused_in_words(subject: MapSubject) -> Iterator[Failure]:
    """A shape that does not fit, a condition that is missing or not wanted."""
    given = subject.given
    x, y = np.zeros(given.in_shape, np.float32), np.zeros(given.out_shape, np.float32)
    condition = None if given.cond_shape is None else np.zeros(given.cond_shape, np.float32)
    for name, method, event in (("forward", given.forward, x), ("inverse", given.inverse, y)):
        larger = np.zeros((*event.shape, 2), np.float32)
        yield from not_refused(
            lambda m=method, e=larger: m(e, condition), f"`{name}` of shape {larger.shape}", "a ValueError in words"
        )
        other = None if condition is not None else np.zeros(1, np.float32)
        what = "without a condition" if condition is not None else "with a condition"
        yield from not_refused(lambda m=method, e=event, c=other: m(e, c), f"`{name}` {what}", "a ValueError in words")


def the_condition_matters(subject: MapSubject) -> Iterator[Failure]:
    """A conditional map gives something else for another condition."""
    if subject.conditions is None or not subject.noise:
        return
    other = subject.exact_at(subject.conditions + 1.0)[0]
    if np.array_equal(other.y, subject.exact[0].y):
        cause = "`cond_shape` is set, but `_forward` does not use `condition`: use it, or make `cond_shape` None."
        yield Failure("conditions moved by 1", "the same outputs", "other outputs", cause)


def log_det_is_that_of_autodiff(subject: MapSubject) -> Iterator[Failure]:
    """In float64, at random inputs, knots and inputs far from 0."""
    facts, derivatives = subject.exact
    wanted = log_volume(derivatives.jacobian)
    cause = (
        "The formula of the log-det: its sign, a factor, or a term that is missing. Each direction returns log|det| of "
        "its own Jacobian, summed over the event. Far out only: cancellation; use `log1p`, `expm1`, `logaddexp`."
    )
    yield from worst(facts.log_det, wanted, max(LOG_DET, subject.tolerance), subject.where, cause)


def log_volume(jacobian: np.ndarray) -> np.ndarray:
    """log|det| of square matrices, and log volume of the image of a unit cube for tall ones."""
    if jacobian.shape[-1] == jacobian.shape[-2]:
        return np.linalg.slogdet(jacobian)[1]
    return 0.5 * np.linalg.slogdet(np.swapaxes(jacobian, -1, -2) @ jacobian)[1]


def log_det_of_the_inverse_is_the_negative(subject: MapSubject) -> Iterator[Failure]:
    """Of the log-det of `forward` at the same pair of points, in float64."""
    facts, derivatives = subject.exact
    cause = "`_inverse` returns log|det| of the inverse's own Jacobian: minus that of `_forward` at the image."
    tolerance = subject.steep(ROUND_TRIP["float64"][subject.kind], "float64", derivatives)
    yield from worst(facts.log_det_back, -facts.log_det, tolerance, subject.where, cause)


def jacobians_of_the_two_directions_are_inverses(subject: MapSubject) -> Iterator[Failure]:
    """In float64, relative to the product of their norms."""
    _, derivatives = subject.exact
    there, back = derivatives.jacobian, derivatives.jacobian_back
    if there.shape[-1] != there.shape[-2]:
        return
    size = np.linalg.norm(there, axis=(1, 2)) * np.linalg.norm(back, axis=(1, 2))
    product = np.einsum("nij,njk->nik", back, there) - np.eye(there.shape[-1])
    error = np.max(np.abs(product), axis=(1, 2)) / size
    cause = (
        "The gradient of the inverse is wrong or absent: a solver needs the implicit function theorem "
        "(`jax.lax.custom_root`), and a `round`, `floor` or `stop_gradient` has none."
    )
    limit = max(INVERSE_JACOBIAN, subject.tolerance)
    yield from worst(error, np.zeros_like(error), limit, subject.where, cause)


def inverse_undoes_forward_in_float64(subject: MapSubject) -> Iterator[Failure]:
    """To the tolerance of the kind."""
    facts, derivatives = subject.exact
    cause = (
        "`_inverse` is not the inverse of `_forward`, or a solver stops early; if it searches a root, "
        'say `inverse_kind = "iterative"`.'
    )
    tolerance = subject.steep(ROUND_TRIP["float64"][subject.kind], "float64", derivatives)
    yield from _round_trip(subject, facts.back, facts.x, tolerance, cause)


def inverse_undoes_forward_in_float32(subject: MapSubject) -> Iterator[Failure]:
    """To the tolerance of the kind, and what a steep inverse makes of the rounding of its input."""
    cause = (
        "Cancellation: two numbers of almost the same size are subtracted. Write the formula so that it adds, or use "
        "`log1p`, `expm1`; or end with a Newton step."
    )
    tolerance = subject.steep(ROUND_TRIP["float32"][subject.kind], "float32", subject.exact[1])
    yield from _round_trip(subject, subject.single.back, subject.single.x, tolerance, cause)


def _round_trip(
    subject: MapSubject, found: np.ndarray, wanted: np.ndarray, tolerance: np.ndarray, cause: str
) -> Iterator[Failure]:
    flat = tolerance.reshape(len(found), *(1,) * (found.ndim - 1))
    yield from worst(np.asarray(found, np.float64), np.asarray(wanted, np.float64), flat, subject.where, cause)


def a_batch_is_mapped_like_its_events(subject: MapSubject) -> Iterator[Failure]:
    """In float64: neighbours in the batch do not matter."""
    facts, many = subject.exact
    cause = (
        "An event depends on its neighbours in the batch (a mean or a sort over the last axis), or `_forward_many` and "
        "`_inverse_many` do something else than `_forward` and `_inverse`. Events lie along the last axis."
    )
    for found, wanted, limit in (
        (many.y_many, facts.y, BATCH),
        (many.log_det_many, facts.log_det, BATCH),
        (many.back_many, facts.back, BATCH_BACK),
        (many.log_det_back_many, facts.log_det_back, BATCH_BACK),
    ):
        if found.shape != wanted.shape:
            yield Failure("a batch", f"shape {found.shape}", f"shape {wanted.shape}, batch axis first", cause)
        else:
            yield from worst(found, wanted, max(limit, subject.tolerance), subject.where, cause)


def the_gradient_of_a_batch_is_that_of_its_events(subject: MapSubject) -> Iterator[Failure]:
    """grad(vmap) and vmap(grad) of the inverse agree in float64."""
    _, many = subject.exact
    wanted = np.sum(many.jacobian_back, axis=1) + many.slope_back
    found = many.pulled_many.reshape(wanted.shape)
    size = 1.0 + np.sum(np.abs(many.jacobian_back), axis=(1, 2)) + np.sum(np.abs(many.slope_back), axis=1)
    cause = (
        "A gradient of the class's own (`jax.custom_vjp`) is wrong for a batch, or an event depends on its neighbours."
    )
    limit = max(GRADIENT, subject.tolerance) * size[:, None]
    smooth = subject.smooth
    yield from worst(found[smooth], wanted[smooth], limit[smooth], lambda i: subject.where(int(smooth[i])), cause)


def jit_changes_nothing(subject: MapSubject) -> Iterator[Failure]:
    """Run as plain Python, one event gives what the compiled program gives."""
    with jax.enable_x64(False):
        bijection = cast(subject.bijection, "float32")
        condition = None if subject.conditions is None else jnp.asarray(subject.conditions[0], "float32")
        y, log_det = bijection.forward_and_log_det(jnp.asarray(subject.inputs[0], "float32"), condition)
    cause = "The map draws numbers, counts its calls or looks at the clock: the program is written once and run often."
    found = np.concatenate([np.asarray(y, np.float64).reshape(-1), np.asarray(log_det, np.float64).reshape(1)])
    f = subject.single
    wanted = np.concatenate([f.y[0].reshape(-1), f.log_det[:1].reshape(-1)]).astype(np.float64)
    yield from worst(found[None], wanted[None], max(JIT, subject.tolerance), subject.where, cause)


def far_inputs_give_finite_densities_and_gradients(subject: MapSubject) -> Iterator[Failure]:
    """In float32, up to 1e4 times the scale, at wild weights: values, and gradients for inputs and weights."""
    if not subject.reaches:
        return
    wild = WILD if subject.noise else 0.0
    with jax.enable_x64(False):
        bijection = cast(perturb(subject.given, wild) if wild else subject.given, "float32")
        x = FAR * np.random.default_rng(9).standard_normal((FAR_POINTS, *bijection.out_shape))
        condition = None if bijection.cond_shape is None else jnp.ones((*bijection.cond_shape, FAR_POINTS))
        log_prob, by_weights, by_x = _far(bijection, jnp.asarray(x, "float32"), condition)
    cause = (
        "An overflow, 0 times infinity, or a branch of `where` that is not taken but has no gradient: clip before the "
        "branch, and give both sides of a `where` a safe input. A map that does not reach the whole line: `far=False`."
    )
    by_x = np.asarray(by_x).reshape(FAR_POINTS, -1)
    for name, value in (("log-density", np.asarray(log_prob)[:, None]), ("gradient for x", by_x)):
        bad = np.flatnonzero(~np.all(np.isfinite(value), axis=1))
        if len(bad):
            yield Failure(f"data x = {listed(x[bad[0]])}, {name}", listed(value[bad[0]]), "finite numbers", cause)
    yield from not_finite(by_weights, cause)


@jax.jit
def _far(bijection: AbstractBijection, x: Array, condition: Array | None):
    weights, rest = partition(bijection)

    def total(weights, x: Array):
        z, log_det = eqx.combine(weights, rest)._inverse_many(jnp.moveaxis(x, 0, -1), condition, None)
        log_prob = log_det - 0.5 * jnp.sum(z * z, axis=tuple(range(z.ndim - 1)))
        return jnp.sum(log_prob), log_prob

    (by_weights, by_x), log_prob = jax.grad(total, argnums=(0, 1), has_aux=True)(weights, x)
    return log_prob, by_weights, by_x


BIJECTION_LAWS: tuple[Law[MapSubject], ...] = (
    _leaves,
    _shapes,
    kinds_are_told_honestly,
    wrong_input_is_refused_in_words,
    _file,
    events_keep_their_shape_and_precision,
    inverse_undoes_forward_in_float64,
    inverse_undoes_forward_in_float32,
    log_det_is_that_of_autodiff,
    log_det_of_the_inverse_is_the_negative,
    jacobians_of_the_two_directions_are_inverses,
    a_batch_is_mapped_like_its_events,
    the_gradient_of_a_batch_is_that_of_its_events,
    jit_changes_nothing,
    far_inputs_give_finite_densities_and_gradients,
    the_condition_matters,
)
AS_INNER: tuple[Law[MapSubject], ...] = (
    inverse_undoes_forward_in_float64,
    log_det_is_that_of_autodiff,
    log_det_of_the_inverse_is_the_negative,
    a_batch_is_mapped_like_its_events,
)
"""Of a coupling that takes the map as its template."""
