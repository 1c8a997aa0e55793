"""What a modality is asked for and answers, in parts that have names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pushforward.reports import AbstractPart, Section


class Figure(NamedTuple):
    """How a loss is told.

    Attributes:
        scale: What the loss is multiplied with.
        unit: `nats per row`, `bits per dimension`.
        meaning: A clause about the mean over rows, such as `negative log-density`.
        is_likelihood: Whether it is one.
    """

    scale: float
    unit: str
    meaning: str
    is_likelihood: bool


class Told(NamedTuple):
    """What `show` tells of a model beside what all models have.

    Attributes:
        plain: By name, plain data for programs.
        facts: Name and value, a line each.
        tables: Header and rows.
    """

    plain: dict[str, Any]
    facts: Sequence[tuple[str, object]] = ()
    tables: Sequence[tuple[Sequence[str], Sequence[Sequence[object]]]] = ()


class Lesson(NamedTuple):
    """What `distill` is asked for.

    Attributes:
        flow: The student's recipe, or None for the teacher's own layers, each turned round.
        options: Of the recipe.
        source: Rows to learn from, or None for the teacher's own draws.
        forward: Weight of the divergence of the student from the teacher's draws, from 0 to 1; None for what suits.
        max_epochs: Epochs.
        seed: Of all randomness.
        progress: Whether to report on stderr.
    """

    flow: str | None
    options: Mapping[str, Any]
    source: str | None
    forward: float | None
    max_epochs: int
    seed: int
    progress: bool


class Look(NamedTuple):
    """What a user says of the look of a picture; None where nothing.

    Attributes:
        size: Width and height in inches.
        title: Above it.
        xlabel: Of the axis that goes across.
        ylabel: Of the axis that goes up.
    """

    size: tuple[float, float] | None = None
    title: str | None = None
    xlabel: str | None = None
    ylabel: str | None = None

    def whole(self, picture: str, hint: str) -> dict[str, Any]:
        """Size and title, for a picture without axes that all panels share.

        Raises:
            UsageError: If a label was given.
        """
        if self.xlabel is not None or self.ylabel is not None:
            from pushforward._errors import UsageError

            raise UsageError(f"--xlabel and --ylabel are for a picture with one pair of axes, not for {picture}.", hint)
        return {"size": self.size, "title": self.title}


class Examined(NamedTuple):
    """What a report says of a fit.

    Attributes:
        verdict: In a word.
        good: Whether no test speaks against the model.
        lead: What the verdict means, before all else.
        sections: In order.
        command: Lines that make the model again, as far as it is known.
    """

    verdict: str
    good: bool
    lead: Sequence[AbstractPart]
    sections: Sequence[Section]
    command: str
