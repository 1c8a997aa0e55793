"""What is asked of draws: how many, and of which temperature."""

import numpy as np

from pushforward._errors import DataError


def num_draws(
    count: int, temperature: float | None, name: str = "n_samples", *, still: bool = False, usual: str = ""
) -> int:
    """The number of draws, checked together with the temperature.

    Args:
        count: Of draws.
        temperature: Scale of the noise, or None.
        name: What the user calls the number.
        still: Whether there may be no noise at all, of temperature 0.
        usual: A sentence on what is usual, for the hint.
    """
    if not isinstance(count, int | np.integer) or count < 1:
        raise DataError(f"{name} must be a whole number of at least 1, got {count!r}.", "ask for one or more")
    if temperature is not None and not (0 < temperature < np.inf or (still and temperature == 0)):
        least = "at least 0 and finite" if still else "positive"
        raise DataError(f"temperature must be {least}, got {temperature}.", usual or "1 is the model itself")
    return int(count)
