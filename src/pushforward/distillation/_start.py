"""Where a student starts: on its teacher's support, with its teacher's means and covariances."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, PRNGKeyArray

from pushforward._params import positive, positive_raw
from pushforward.bijections import AbstractBijection, AbstractElementwise, ActNorm, Chain, TriangularAffine
from pushforward.distributions import AbstractDistribution, Transformed
from pushforward.distributions._independent import AbstractIndependent
from pushforward.supports import REAL

MOMENT_DRAWS = 8192

MOMENTS_UP_TO, MOMENT_NUMBERS = 1024, 200_000
"""Longer vectors have no covariance here: it would be larger than all networks, and known from too few draws."""


def started(
    student: AbstractDistribution, teacher: AbstractDistribution, condition: Array | None, key: PRNGKeyArray
) -> AbstractDistribution:
    """The student behind an affine map that gives it the teacher's means and covariances, and on its support.

    A long vector, such as a sound, gets one mean and one spread for all of its numbers, in the student's last `ActNorm`
    if it ends with one. The last maps of a teacher that is not on the line, such as a `Sigmoid`, become those of a
    student that is: a map that both share changes no divergence. If the teacher and the untrained student are affine
    maps of a normal law, the student starts as its teacher.

    Raises:
        ValueError: If the two have different supports, and the student's is not the line.
    """
    if student.support == teacher.support != REAL:
        return student
    inner, ends = _on_the_line(teacher)
    if student.support != REAL or inner is None:
        raise ValueError(
            f"distill: the teacher lives on {teacher.support}, and the student on {student.support}. Let the student's "
            "last maps be the teacher's, or give a student on the real line."
        )
    if len(student.event_shape) == 1 and student.event_shape[0] > MOMENTS_UP_TO:
        student = _scaled(student, inner, condition, key)
    elif len(student.event_shape) == 1:
        ends = (_affine(student, inner, condition, key), *ends)
    return _behind(student, ends) if ends else student


def _on_the_line(flow: AbstractDistribution) -> tuple[AbstractDistribution | None, tuple[AbstractBijection, ...]]:
    """A flow on the line and the elementwise maps that followed it; None if there is no such."""
    ends: tuple[AbstractBijection, ...] = ()
    while flow.support != REAL:
        if not isinstance(flow, Transformed):
            return None, ()
        *first, last = flow.bijection.bijections if isinstance(flow.bijection, Chain) else (flow.bijection,)
        if isinstance(last, Chain):
            first, last = [*first, *last.bijections[:-1]], last.bijections[-1]
        if not isinstance(last, AbstractElementwise):
            return None, ()
        ends = (last, *ends)
        flow = Transformed(flow.base, Chain(first)) if first else flow.base
    return flow, ends


def _affine(
    student: AbstractDistribution, teacher: AbstractDistribution, condition: Array | None, key: PRNGKeyArray
) -> TriangularAffine:
    """From the student's moments to the teacher's."""
    (own_mean, own_root), (mean, root) = (_moments(flow, condition, key) for flow in (student, teacher))
    matrix = jnp.tril(solve_triangular(own_root, root.T, lower=True, trans="T").T)
    return TriangularAffine(mean - matrix @ own_mean, matrix)


def _scaled(
    student: AbstractDistribution, teacher: AbstractDistribution, condition: Array | None, key: PRNGKeyArray
) -> AbstractDistribution:
    """The student with the teacher's mean and spread over all numbers of an event."""
    (own_mean, own_spread), (mean, spread) = (_overall(flow, condition, key) for flow in (student, teacher))
    ratio = spread / own_spread
    loc = mean - ratio * own_mean
    scale = ActNorm(student.event_shape, joint=True)
    last = _last_scale(student)
    if last is not None:
        ratio, loc = ratio * positive(last.scale_raw)[0], ratio * last.loc + loc
    values = (jnp.reshape(loc, (1,)), positive_raw(jnp.reshape(ratio, (1,))), jnp.ones(()))
    scale = eqx.tree_at(lambda one: (one.loc, one.scale_raw, one.started), scale, values)
    if last is None or not isinstance(student, Transformed):
        return _behind(student, (scale,))
    return eqx.tree_at(lambda one: one.bijection.bijections[-1], student, scale)


def _last_scale(flow: AbstractDistribution) -> ActNorm | None:
    """The one scale for all numbers that a flow ends with, if there is one."""
    if not (isinstance(flow, Transformed) and isinstance(flow.bijection, Chain)):
        return None
    last = flow.bijection.bijections[-1]
    return last if isinstance(last, ActNorm) and last.joint else None


@jax.jit
def _overall(flow: AbstractDistribution, condition: Array | None, key: PRNGKeyArray) -> tuple[Array, Array]:
    """Mean and spread of all numbers of some draws."""
    n = max(MOMENT_NUMBERS // flow.event_shape[0], 16)
    if condition is not None:
        condition = condition[..., jnp.arange(n) % condition.shape[-1]]
    x = flow._sample_many(key, n, condition, None)
    return jnp.mean(x), jnp.std(x)


@jax.jit
def _moments(flow: AbstractDistribution, condition: Array | None, key: PRNGKeyArray) -> tuple[Array, Array]:
    """Mean `(dim,)` and the lower root of the covariance `(dim, dim)`, of draws from noise whose moments are exact."""
    n = MOMENT_DRAWS
    if condition is not None:
        condition = condition[..., jnp.arange(n) % condition.shape[-1]]
    if isinstance(flow, Transformed) and isinstance(flow.base, AbstractIndependent) and len(flow.base.event_shape) == 1:
        z = flow.base._sample_many(key, n, None, None)
        mean, root = _mean_and_root(z)
        spread = jnp.sqrt(flow.base._variance(None))
        z = flow.base._mean(None) + spread * solve_triangular(root, z - mean[:, None], lower=True)
        x = flow.bijection._forward_many(z, condition, None)[0]
    else:
        x = flow._sample_many(key, n, condition, None)
    return _mean_and_root(x)


def _mean_and_root(x: Array) -> tuple[Array, Array]:
    mean = jnp.mean(x, axis=-1)
    apart = x - mean[:, None]
    covariance = apart @ apart.T / x.shape[-1]
    least = ROOT_LEAST * jnp.mean(jnp.diagonal(covariance))
    return mean, jnp.linalg.cholesky(covariance + least * jnp.eye(len(covariance), dtype=x.dtype))


ROOT_LEAST = 1e-7
"""Of the mean variance, added to all: a covariance that rounding has made singular has no root."""


def _behind(flow: AbstractDistribution, ends: tuple[AbstractBijection, ...]) -> Transformed:
    if isinstance(flow, Transformed):
        return Transformed(flow.base, Chain([flow.bijection, *ends]))
    return Transformed(flow, Chain(ends))
