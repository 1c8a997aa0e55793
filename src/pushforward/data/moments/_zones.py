"""The clocks of time zones, by Arrow's data base of them."""

import warnings

import numpy as np

MICRO = 1e6
DAY_SECONDS = 86_400.0


def at_zone(seconds: np.ndarray, zone: str) -> np.ndarray:
    """What the clock of a zone shows at moments counted in seconds since 1970, `(rows,)`; NaN stays."""
    import pyarrow as pa
    import pyarrow.compute as pc

    known = np.isfinite(seconds)
    ticks = np.rint(np.where(known, seconds, 0.0) * MICRO).astype(np.int64)
    clock = pc.local_timestamp(pa.array(ticks, pa.timestamp("us", zone)))  # pyright: ignore[reportAttributeAccessIssue]
    shown = clock.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return np.where(known, seconds + (shown - ticks) / MICRO, np.nan)


def days_at_zone(seconds: np.ndarray, zone: str) -> np.ndarray:
    """As `at_zone`, but midnight for the first moment of a day whose midnight the clock of the zone skips."""
    clock = at_zone(seconds, zone)
    midnight = np.floor(np.where(np.isfinite(clock), clock, 0.0) / DAY_SECONDS) * DAY_SECONDS
    begins = _assumed(np.rint(midnight * MICRO).astype(np.int64), zone, "latest") / MICRO
    return np.where((clock > midnight) & (begins == seconds), midnight, clock)


def from_zone(clock: np.ndarray, zone: str, name: str) -> np.ndarray:
    """The moments at which the clock of a zone shows this; where it skips that, the next, and where twice, the first.

    Warns of both, with the name of the column and the row.
    """
    known = np.isfinite(clock)
    ticks = np.rint(np.where(known, clock, 0.0) * MICRO).astype(np.int64)
    first, last = (_assumed(ticks, zone, which) for which in ("earliest", "latest"))
    shown = np.rint(at_zone(last / MICRO, zone) * MICRO).astype(np.int64)
    skipped, twice = shown != ticks, (first != last) & (shown == ticks)
    for rows, why, then in (
        (skipped, "does not exist", "the next moment that does is taken"),
        (twice, "is there twice", "the first is taken"),
    ):
        if rows.any():
            row = int(np.argmax(rows))
            shown_text = str(np.datetime64(int(ticks[row]), "us"))[:19].replace("T", " ")
            warnings.warn(
                f"column {name!r}: {shown_text} in row {row + 1} {why} on the clock of {zone}: {then}.", stacklevel=2
            )
    chosen = np.where(skipped, last, first)
    return np.where(known, clock + (chosen - ticks) / MICRO, np.nan)


def _assumed(ticks: np.ndarray, zone: str, which: str) -> np.ndarray:
    import pyarrow as pa
    import pyarrow.compute as pc

    naive = pa.array(ticks, pa.timestamp("us"))
    found = pc.assume_timezone(naive, zone, ambiguous=which, nonexistent=which)  # pyright: ignore[reportAttributeAccessIssue]
    return found.cast(pa.int64()).to_numpy(zero_copy_only=False)
