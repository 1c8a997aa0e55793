"""All laws on one distribution."""

from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import ArrayLike

from pushforward.distributions import AbstractDistribution
from pushforward.testing._distribution_facts import LawSubject
from pushforward.testing._distribution_laws import DISTRIBUTION_LAWS, PART_LAWS
from pushforward.testing._law import failures_of, raise_failures
from pushforward.testing._mass_laws import MASS_LAWS

LAWS = (*PART_LAWS, *DISTRIBUTION_LAWS, *MASS_LAWS)


def check_distribution(
    distribution: AbstractDistribution,
    *,
    bounds: Sequence[tuple[float, float]] | None = None,
    values: ArrayLike | None = None,
    far: bool = True,
    noise: float = 0.2,
    tolerance: float = 0.0,
    seed: int = 7,
) -> tuple[str, ...]:
    """Run every law on a distribution, in float32; it takes a few seconds, most of which is compiling.

    It integrates to 1 and samples follow it (on a grid of one or two coordinates, by importance weights of more),
    `sample_and_log_prob` agrees with `log_prob`, densities and gradients are finite far out, conditions broadcast and
    matter, temperature, keys, shapes, leaves, files.

    Args:
        distribution: In any precision; it is not changed.
        bounds: `(low, high)` of each coordinate where a density with edges lives; by default a grid that is fine at the
            samples and reaches 1,000 times further.
        values: All values of an event of separate ones, `(n, *event_shape)`: their probabilities are added up.
        far: Whether data up to 1e4 must have finite gradients, where their density is not 0.
        noise: Of the normal noise that trained leaves get first (`perturb`); 0 leaves them, as edges in `bounds` need.
        tolerance: Of a density with an error of its own (a solver); 0 for those of the laws: 1e-3 for the integral,
            2e-4 for the two passes.
        seed: Of the draws. A right distribution fails once in 10,000 seeds.

    Returns:
        Names of the laws that were checked. Without `values` or one or two coordinates nothing is integrated.

    Raises:
        LawError: If a law does not hold; the text tells each, with the input and the usual cause.
        TypeError: If it is not a distribution.
        ValueError: If bounds or values do not fit.

    Example:
        >>> checked = pf.testing.check_distribution(Uniform(0.0, 2.0), bounds=[(0.0, 2.0)], noise=0.0)
        >>> "density integrates to one" in checked
        True
    """
    if not isinstance(distribution, AbstractDistribution):
        raise TypeError(
            f"check_distribution: `distribution` must be an AbstractDistribution, got {type(distribution).__name__}."
        )
    size = int(np.prod(distribution.event_shape))
    if bounds is not None and len(bounds) != size:
        raise ValueError(f"check_distribution: `bounds` needs a pair for each of {size} coordinate(s), got {bounds}.")
    if values is not None and np.shape(values)[1:] != distribution.event_shape:
        raise ValueError(
            f"check_distribution: `values` must have shape (n, *event_shape) with event_shape="
            f"{distribution.event_shape}, got {np.shape(values)}."
        )
    every = None if values is None else np.asarray(values, np.float32)
    subject = LawSubject(distribution, bounds, every, far, noise, tolerance, seed)
    with jax.enable_x64(False):
        failures, checked = failures_of(LAWS, subject)
    raise_failures(f"{type(distribution).__name__} over {distribution.event_shape}", failures, checked)
    return checked
