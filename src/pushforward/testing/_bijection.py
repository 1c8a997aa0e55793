"""All laws on one invertible map."""

from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import ArrayLike

from pushforward._errors import did_you_mean
from pushforward.bijections import AbstractBijection, Affine, Chain, Coupling
from pushforward.bijections.coupling._templates import count_raw
from pushforward.testing._bijection_facts import DOMAINS, MapSubject
from pushforward.testing._bijection_laws import AS_INNER, BIJECTION_LAWS, events_keep_their_shape_and_precision
from pushforward.testing._law import Failure, failures_of, raise_failures

WORKS_AS_INNER = "works as the inner map of a coupling"


def check_bijection(
    bijection: AbstractBijection,
    *,
    domain: str = "real",
    points: ArrayLike | None = None,
    knots: Sequence[float] = (),
    far: bool = True,
    noise: float = 0.4,
    tolerance: float = 0.0,
) -> tuple[str, ...]:
    """Run every law on a map; it takes a few seconds, most of which is compiling.

    Round trips in float64 and float32, the log-det against automatic differentiation, gradients far out, batches,
    conditions, kinds, shapes, leaves, files; a map of scalars is also tried as `inner=` of a coupling.

    Args:
        bijection: The map, in any precision; it is not changed.
        domain: Where inputs of `forward` are drawn: "real", "positive", "unit" (0 to 1) or "circle" (-pi to pi).
        points: Inputs of your own instead, `(n, *in_shape)`.
        knots: Numbers at which the map is spliced together; they are tried in every coordinate.
        far: Whether the map reaches the whole line, so that data up to 1e4 must have finite densities and gradients.
        noise: Of the normal noise that trained leaves get first (`perturb`), because layers start as the identity;
            0 leaves them.
        tolerance: Relative, of a solver with tolerances of its own; 0 for those of the laws: 1e-9 for log-dets, 1e-10
            for round trips in float64 and 1e-4 in float32 (1e-9 and 1e-3 where a direction is "iterative").

    Returns:
        Names of the laws that were checked.

    Raises:
        LawError: If a law does not hold; the text tells each, with the input and the usual cause.
        TypeError: If it is not a bijection.
        ValueError: If the domain is not known, or the points do not fit.

    Example:
        >>> checked = pf.testing.check_bijection(Affine(jnp.zeros(2), 2.0))
        >>> checked[:2]
        ('every leaf is an array of floats', 'shapes are plain data')
    """
    if not isinstance(bijection, AbstractBijection):
        raise TypeError(f"check_bijection: `bijection` must be an AbstractBijection, got {type(bijection).__name__}.")
    if domain not in DOMAINS:
        raise ValueError(f"check_bijection: `domain` {domain!r} is not known; {did_you_mean(domain, DOMAINS)}")
    if points is not None and np.shape(points)[1:] != bijection.in_shape:
        raise ValueError(
            f"check_bijection: `points` must have shape (n, *in_shape) with in_shape={bijection.in_shape}, "
            f"got {np.shape(points)}."
        )
    own = None if points is None else np.asarray(points)
    subject = MapSubject(bijection, domain, own, tuple(knots), far, noise, tolerance)
    failures, checked = failures_of(BIJECTION_LAWS, subject, needed=events_keep_their_shape_and_precision)
    if _is_template(bijection) and subject.reaches and not failures:
        failures, checked = _as_inner(subject), (*checked, WORKS_AS_INNER)
    raise_failures(f"{type(bijection).__name__} {bijection.in_shape} -> {bijection.out_shape}", failures, checked)
    return checked


def _is_template(bijection: AbstractBijection) -> bool:
    return bijection.in_shape == () == bijection.out_shape and bijection.cond_shape is None


def _as_inner(subject: MapSubject) -> list[Failure]:
    """A coupling of three coordinates whose network predicts the map's parameters, or a shift and a scale before it."""
    try:
        inner = subject.given if count_raw(subject.given) else Chain([Affine(), subject.given])
        layer = Coupling(inner, 3, width=8, depth=1, key=jax.random.key(7))
    except Exception as error:
        return [Failure("`Coupling(inner=...)`", f"{type(error).__name__}: {error}", "a layer", "", WORKS_AS_INNER)]
    whole = MapSubject(layer, subject.domain, None, subject.knots, False, subject.noise, subject.tolerance)
    return [
        failure._replace(
            law=f"{WORKS_AS_INNER}: {failure.law}",
            cause="Leaves have the event's axes last, behind any axes of their own, and so do predictions: broadcast. "
            + failure.cause,
        )
        for failure in failures_of(AS_INNER, whole)[0]
    ]
