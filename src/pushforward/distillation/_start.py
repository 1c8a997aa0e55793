"""Where a student starts: on its teacher's support, with its teacher's means and covariances."""

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, PRNGKeyArray

from pushforward.bijections import AbstractBijection, AbstractElementwise, Chain, TriangularAffine
from pushforward.distributions import AbstractDistribution, Transformed
from pushforward.distributions._independent import AbstractIndependent
from pushforward.supports import REAL

MOMENT_DRAWS = 8192


def started(
    student: AbstractDistribution, teacher: AbstractDistribution, condition: Array | None, key: PRNGKeyArray
) -> AbstractDistribution:
    """The student behind an affine map that gives it the teacher's means and covariances, and on its support.

    The last maps of a teacher that is not on the line, such as a `Sigmoid`, become those of a student that is: a map
    that both share changes no divergence. If the teacher and the untrained student are affine maps of a normal law, the
    student starts as its teacher.

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
    if len(student.event_shape) == 1:
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
