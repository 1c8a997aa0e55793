"""Pictures of a model of a table."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np

from pushforward import plots
from pushforward._errors import DataError, UsageError, did_you_mean
from pushforward.data import Schema, Table, encode, read_table
from pushforward.data._coding import refuse_unseen
from pushforward.modalities._model import Model
from pushforward.modalities._told import Look
from pushforward.modalities.table._chunks import TableFlow, log_prob
from pushforward.modalities.table._dates import date_ticks
from pushforward.modalities.table._given import condition_values, conditions
from pushforward.modalities.table._mixed import joined
from pushforward.modalities.table._sample import draws
from pushforward.plots._axes import literal
from pushforward.plots._points import window
from pushforward.plots._ticks import write_ticks

WINDOW_ROWS = 4096
LEAST_DRAWN, MOST_DRAWN = 2_000, 20_000


class Wanted(NamedTuple):
    """What the user says of a picture.

    Attributes:
        columns: Those to be drawn, in order; empty for those that the picture is of.
        labels: What columns are to be called, by name.
        look: Size, title, labels of axes.
        most: How many columns a corner shows where none are named.
    """

    columns: tuple[str, ...] = ()
    labels: Mapping[str, str] = MappingProxyType({})
    look: Look = Look()
    most: int = 10


@dataclass(frozen=True)
class Subject:
    """What is drawn.

    Attributes:
        model: What is drawn.
        data: Rows of the model's columns, or None.
        given: One row of conditions or several, None for a model without.
        seed: For samples.
        wanted: How.
    """

    model: Model
    data: Table | None
    given: Table | None
    seed: int
    wanted: Wanted = field(default_factory=Wanted)

    @property
    def schema(self) -> Schema:
        return self.model.facts.schema

    @property
    def names(self) -> tuple[str, ...]:
        return self.schema.names

    @property
    def called(self) -> list[str]:
        """What each column is called in the picture."""
        return [self.wanted.labels.get(name, literal(name)) for name in self.names]

    @property
    def chosen(self) -> list[int] | None:
        """Places of the columns that were asked for; None where none were."""
        return [self.names.index(name) for name in self.wanted.columns] or None

    def table(self, rows: int) -> Table:
        """About `rows` draws, spread over the conditions if there are several."""
        given = self.given
        if given is not None:
            given = replace(given, values=given.values[:rows])
            rows = max(1, rows // given.num_rows)
        return joined(list(map(self.schema.table, draws(self.model, rows, self.seed, None, given))))

    def samples(self, rows: int) -> np.ndarray:
        """The same as numbers, categories as codes."""
        return self.table(rows).values

    def log_density(self, rows: np.ndarray) -> np.ndarray:
        """Of each row, in nats; between two whole numbers of an integer column it is that of the nearer one.

        A circle is drawn once: beyond its period it is -inf.
        """
        scores = self._log_density(rows)
        for place in self.schema.circular:
            column, cells = self.schema.columns[place], rows[:, place]
            scores = np.where((cells < column.low) | (cells >= column.high), -np.inf, scores)
        return scores

    def _log_density(self, rows: np.ndarray) -> np.ndarray:
        integers = [column.kind == "integer" for column in self.schema.columns]
        x = np.where(integers, np.floor(rows + 0.5), rows)
        condition = None
        if self.given is not None:
            first = replace(self.given, values=np.repeat(self.given.values[:1], len(rows), axis=0))
            condition = condition_values(first, self.model.facts.condition_schema)
        return log_prob(TableFlow.of(self.model), x, condition)


def picture(
    model: Model,
    source: str | None,
    what: str | None,
    *,
    given: Mapping[str, str],
    how: Mapping[str, Any],
    wanted: Wanted,
    seed: int,
) -> tuple[Any, str]:
    """A figure and its name; the name is the one that fits the columns where none is given. `how` is for reading."""
    check_names(model.facts.schema, wanted)
    what = what or _default(model.facts.schema, wanted.columns)
    return drawn(Subject(model, *_inputs(model, source, what, given, how), seed, wanted), what), what


def drawn(subject: Subject, what: str) -> Any:
    """The figure of a picture's name, with dates where the columns are dates."""
    figure = DRAWN_BY[what](subject)
    if what in ("density", "corner"):
        write_ticks(figure, date_ticks(dict(zip(subject.called, subject.schema.columns, strict=True))))
    return figure


def check_names(schema: Schema, wanted: Wanted) -> None:
    for option, said in (("--columns", wanted.columns), ("--label", wanted.labels)):
        for name in said:
            if name not in schema.names:
                raise DataError(f"{option}: the model has no column {name!r}.", did_you_mean(name, schema.names))
    if len(set(wanted.columns)) < len(wanted.columns):
        raise UsageError("--columns names a column twice.", "name each once")


def _default(schema: Schema, columns: tuple[str, ...]) -> str:
    if columns:
        if all(name in schema.categories for name in columns):
            return "shares"
        if len(columns) < len(schema.columns):
            return "corner"
    if len(schema.categorical) == len(schema.columns):
        return "shares"
    return "density" if len(schema.columns) <= 2 and not schema.categorical else "corner"


def _inputs(
    model: Model, source: str | None, what: str, given: Mapping[str, str], how: Mapping[str, Any]
) -> tuple[Table | None, Table | None]:
    """The rows to draw beside the model, and the conditions."""
    schema, of_conditions = model.facts.schema, model.facts.condition_schema
    if what == "loss":
        return None, None
    if source is None:
        return None, conditions(of_conditions, given, None)
    names = schema.names
    if of_conditions is None or what not in ("corner", "shares") or given:
        chosen = conditions(of_conditions, given, None)
        table = read_table(source, columns=names, text=schema.text_columns, moments=list(schema.moments), **how)
        return encode(table, schema), chosen
    # Each sample is drawn given the conditions of a row of the data.
    text = [*schema.text_columns, *of_conditions.text_columns]
    moments = [*schema.moments, *of_conditions.moments]
    table = read_table(source, columns=(*names, *of_conditions.names), text=text, moments=moments, **how)
    refuse_unseen(table, of_conditions)
    return encode(table.select(names), schema), encode(table.select(of_conditions.names), of_conditions)


def _density(subject: Subject) -> Any:
    _require_numbers(subject, "a density picture is of")
    if len(subject.names) > 2:
        raise UsageError(
            f"a density picture shows one or two columns, and the model has {len(subject.names)}.",
            "use `--what corner`, which shows every pair",
        )
    if subject.chosen is not None and len(subject.chosen) < len(subject.names):
        raise UsageError(
            "a density picture shows all columns of the model, and --columns their order.",
            "use `--what corner`, which shows samples of some columns",
        )
    points = subject.samples(WINDOW_ROWS) if subject.data is None else subject.data.values
    return plots.density_grid(
        subject.log_density,
        None if subject.data is None else points,
        limits=_limits(subject.schema, points),
        names=subject.called,
        columns=subject.chosen,
        whole=[column.kind == "integer" for column in subject.schema.columns],
        atoms=[column.atoms for column in subject.schema.columns],
        **subject.wanted.look._asdict(),
    )


def _limits(schema: Schema, points: np.ndarray) -> list[tuple[float, float]]:
    """A window around nearly all points: a whole turn of an angle, and nothing beyond the ends of a support."""
    found = []
    for column, (low, high) in zip(schema.columns, window(points), strict=True):
        least, most = (
            -math.inf if column.low is None else column.low,
            math.inf if column.high is None else column.high,
        )
        if column.kind == "circular":
            low, high = least, most
        found.append((max(low, 0.0 if column.kind == "positive" else least), min(high, most)))
    return found


def _corner(subject: Subject) -> Any:
    if subject.data is None:
        raise UsageError("a corner picture shows samples beside data.", "give DATA behind the model, such as wine.csv")
    rows = min(max(subject.data.num_rows, LEAST_DRAWN), MOST_DRAWN)
    schema = subject.schema
    shown = subject.chosen or [place for place in range(len(schema.columns)) if place not in schema.categorical]
    if not shown:
        raise UsageError("a corner picture is of numbers, and every column is categorical.", "use `--what shares`")
    data, samples, names = subject.data.values, subject.samples(rows), [subject.called[place] for place in shown]
    limits = _limits(schema, np.concatenate([data, samples]))
    labels = {
        name: [literal(str(label)) for label in schema.columns[place].categories]
        for name, place in zip(names, shown, strict=True)
    }
    return plots.corner(
        data[:, shown],
        samples[:, shown],
        names=names,
        columns=None if subject.chosen is None else range(len(shown)),
        max_columns=subject.wanted.most,
        limits=[limits[place] for place in shown],
        categories=labels,
        **subject.wanted.look.whole("a corner", "name columns, as in `--label alcohol='Alcohol (% vol)'`"),
    )


def _shares(subject: Subject) -> Any:
    if not subject.schema.categorical:
        raise UsageError("no column is categorical.", "use `--what corner`, which is of numbers")
    wrong = [name for name in subject.wanted.columns if name not in subject.schema.categories]
    if wrong:
        raise UsageError(f"{wrong[0]!r} is not categorical.", "use `--what corner`, which is of numbers too")
    return plots.shares(
        subject.table(MOST_DRAWN),
        subject.data,
        names=[subject.called[place] for place in subject.schema.categorical],
        columns=subject.wanted.columns or None,
        **subject.wanted.look.whole("shares", "name columns, as in `--label colour='Colour of the car'`"),
    )


def _require_numbers(subject: Subject, picture: str) -> None:
    categories = subject.schema.categories
    if categories:
        raise UsageError(
            f"{picture} numbers, and {next(iter(categories))!r} is categorical.",
            "use `--what shares` for categories, or `--what corner` for the numbers beside them",
        )


def _loss(subject: Subject) -> Any:
    if subject.wanted.columns:
        raise UsageError("the loss is that of all columns.", "leave --columns out")
    return plots.loss_curve(subject.model.result, **subject.wanted.look._asdict())


def _steps(subject: Subject) -> Any:
    _require_numbers(subject, "the steps are those of")
    if subject.schema.atomic:
        name = subject.names[subject.schema.atomic[0]]
        raise UsageError(f"the steps are those of one flow of numbers, and {name!r} has atoms.", "use `--what corner`")
    if len(subject.names) < 2:
        raise UsageError("the steps are drawn for two columns or more, and the model has one.", "use `--what density`")
    chosen = subject.chosen or [0, 1]
    if len(chosen) != 2:
        raise UsageError("the steps are drawn for two columns.", "name two in --columns")
    return plots.steps(
        subject.model.flow,
        jax.random.key(subject.seed),
        columns=chosen,
        condition=None if subject.given is None else subject.given.values[0],
        names=subject.called,
        **subject.wanted.look.whole("steps", "name columns, as in `--label alcohol='Alcohol (% vol)'`"),
    )


DRAWN_BY = {"density": _density, "corner": _corner, "shares": _shares, "loss": _loss, "steps": _steps}
