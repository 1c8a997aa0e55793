"""Whether what one part of a map gives is what the next takes."""

from collections.abc import Sequence

from pushforward.bijections._base import AbstractBijection
from pushforward.supports import Support
from pushforward.supports._events import Passage
from pushforward.supports._fit import Misfit


def check_neighbours(whole: AbstractBijection) -> None:
    """A ValueError where a part of a map gives what the next does not take."""
    try:
        _ = whole.image
    except Misfit as misfit:
        raise ValueError(f"{type(whole).__name__}: {misfit.told('the part before it')}") from None


def carried(parts: Sequence[AbstractBijection], support: Support, passage: Passage) -> Support:
    """What becomes of a support through parts, in the order in which they are given.

    Raises:
        Misfit: If a part does not take it.
    """
    giver = None
    for i, part in enumerate(parts):
        try:
            new = part._carry(support, passage)
        except Misfit as misfit:
            raise Misfit(misfit.taker, misfit.given, misfit.wanted, misfit.giver or giver) from None
        if i > 0 and new == support and part is parts[i - 1]:
            break  # further layers of a stack change nothing
        support, giver = new, type(part).__name__
    return support
