"""All that is wrong with a table in one message, not one problem a run."""

from collections.abc import Callable
from typing import TypeVar

from pushforward._errors import ColumnError, DataError, together
from pushforward.data._missing import MissingError

T = TypeVar("T")

MOST_READINGS = 8
"""A table is read again without the columns that were refused, at most so often."""


def all_problems(attempt: Callable[[tuple[str, ...], bool], T], drop: tuple[str, ...], *, drop_missing: bool) -> T:
    """What `attempt(drop, drop_missing)` gives.

    After a failure it is tried again without the columns that were to blame, or without the rows that have no value, to
    find out what else is wrong.

    Raises:
        DataError: With all problems, if there is one.
    """
    problems: list[DataError] = []
    while len(problems) < MOST_READINGS:
        try:
            result = attempt(drop, drop_missing)
        except ColumnError as error:
            problems.append(error)
            others = [name for name in error.columns if name not in drop]
            if isinstance(error, MissingError) and not drop_missing:
                drop_missing = True
            elif others:
                drop = (*drop, *others)
            else:
                break
        except DataError:
            # What is said of the rest of a table may be a consequence.
            if not problems:
                raise
            break
        else:
            if not problems:
                return result
            break
    raise together(problems) from None
