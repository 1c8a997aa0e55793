"""Pictures of a model of a table."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from pushforward import plots
from pushforward._errors import UsageError
from pushforward.data import Schema, Table, encode, read_table
from pushforward.data._coding import refuse_unseen
from pushforward.modalities._model import Model
from pushforward.modalities.table._chunks import TableFlow, log_prob
from pushforward.modalities.table._given import condition_values, conditions
from pushforward.modalities.table._mixed import joined
from pushforward.modalities.table._sample import draws

WINDOW_ROWS = 4096
LEAST_DRAWN, MOST_DRAWN = 2_000, 20_000
EDGE = 0.001
MARGIN = 0.1


@dataclass(frozen=True)
class Subject:
    """What is drawn.

    Attributes:
        model: What is drawn.
        data: Rows of the model's columns, or None.
        given: One row of conditions or several, None for a model without.
        seed: For samples.
    """

    model: Model
    data: Table | None
    given: Table | None
    seed: int

    @property
    def schema(self) -> Schema:
        return self.model.facts.schema

    @property
    def names(self) -> tuple[str, ...]:
        return self.schema.names

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
        """Of each row, in nats; between two whole numbers of an integer column it is that of the lower one.

        A circle is drawn once: beyond its period it is -inf.
        """
        scores = self._log_density(rows)
        for place in self.schema.circular:
            column, cells = self.schema.columns[place], rows[:, place]
            scores = np.where((cells < column.low) | (cells >= column.high), -np.inf, scores)
        return scores

    def _log_density(self, rows: np.ndarray) -> np.ndarray:
        integers = [column.kind == "integer" for column in self.schema.columns]
        x = encode(Table(self.names, np.where(integers, np.floor(rows), rows)), self.schema).values
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
    seed: int,
) -> tuple[Any, str]:
    """A figure and its name; the name is the one that fits the columns where none is given. `how` is for reading."""
    what = what or _default(model.facts.schema)
    subject = Subject(model, *_inputs(model, source, what, given, how), seed)
    return DRAWN_BY[what](subject), what


def _default(schema: Schema) -> str:
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
        table = read_table(source, columns=names, text=list(schema.categories), **how)
        return encode(table, schema), chosen
    # Each sample is drawn given the conditions of a row of the data.
    text = [*schema.categories, *of_conditions.categories]
    table = read_table(source, columns=(*names, *of_conditions.names), text=text, **how)
    refuse_unseen(table, of_conditions)
    return encode(table.select(names), schema), encode(table.select(of_conditions.names), of_conditions)


def _density(subject: Subject) -> Any:
    _require_numbers(subject, "a density picture is of")
    if len(subject.names) > 2:
        raise UsageError(
            f"a density picture shows one or two columns, and the model has {len(subject.names)}.",
            "use `--what corner`, which shows every pair",
        )
    if subject.data is not None:
        return plots.density_grid(subject.log_density, subject.data.values, names=subject.names)
    return plots.density_grid(subject.log_density, limits=_window(subject.samples(WINDOW_ROWS)), names=subject.names)


def _window(points: np.ndarray) -> list[tuple[float, float]]:
    low, high = np.quantile(points, [EDGE, 1 - EDGE], axis=0)
    margin = MARGIN * np.where(high > low, high - low, 1.0)
    return list(zip((low - margin).tolist(), (high + margin).tolist(), strict=True))


def _corner(subject: Subject) -> Any:
    if subject.data is None:
        raise UsageError("a corner picture shows samples beside data.", "give DATA behind the model, such as wine.csv")
    rows = min(max(subject.data.num_rows, LEAST_DRAWN), MOST_DRAWN)
    schema = subject.schema
    numbers = [place for place in range(len(schema.columns)) if place not in schema.categorical]
    if not numbers:
        raise UsageError("a corner picture is of numbers, and every column is categorical.", "use `--what shares`")
    names = [subject.names[place] for place in numbers]
    return plots.corner(subject.data.values[:, numbers], subject.samples(rows)[:, numbers], names=names)


def _shares(subject: Subject) -> Any:
    if not subject.schema.categorical:
        raise UsageError("no column is categorical.", "use `--what corner`, which is of numbers")
    return plots.shares(subject.table(MOST_DRAWN), subject.data)


def _require_numbers(subject: Subject, picture: str) -> None:
    categories = subject.schema.categories
    if categories:
        raise UsageError(
            f"{picture} numbers, and {next(iter(categories))!r} is categorical.",
            "use `--what shares` for categories, or `--what corner` for the numbers beside them",
        )


def _loss(subject: Subject) -> Any:
    return plots.loss_curve(subject.model.result)


def _steps(subject: Subject) -> Any:
    _require_numbers(subject, "the steps are those of")
    if len(subject.names) < 2:
        raise UsageError("the steps are drawn for two columns or more, and the model has one.", "use `--what density`")
    condition = None if subject.given is None else subject.given.values[0]
    return plots.steps(subject.model.flow, jax.random.key(subject.seed), condition=condition, names=subject.names)


DRAWN_BY = {"density": _density, "corner": _corner, "shares": _shares, "loss": _loss, "steps": _steps}
