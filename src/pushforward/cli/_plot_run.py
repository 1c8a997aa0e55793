"""The work of `pushforward plot`."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from pushforward import plots
from pushforward.cli._failures import WrongUsage
from pushforward.cli._given import conditions
from pushforward.cli._talk import Talk
from pushforward.data import Schema, Table, encode, read_table
from pushforward.data._coding import refuse_unseen
from pushforward.estimators import ConditionalFlowDensity, FlowDensity, load_estimator

WINDOW_ROWS = 4096
LEAST_DRAWN, MOST_DRAWN = 2_000, 20_000
EDGE = 0.001
MARGIN = 0.1


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    model: Path
    source: str | None
    target: Path
    what: str | None
    given: dict[str, str]
    drop_missing: bool
    seed: int


@dataclass(frozen=True)
class Subject:
    """What is drawn.

    Attributes:
        model: The fitted estimator.
        data: Rows of the model's columns, or None.
        given: One row of conditions or several, None for a model without.
        seed: For samples.
    """

    model: FlowDensity | ConditionalFlowDensity
    data: Table | None
    given: Table | None
    seed: int

    @property
    def names(self) -> tuple[str, ...]:
        return self.model.schema_.names

    def table(self, rows: int) -> Table:
        """About `rows` draws, spread over the conditions if there are several."""
        if isinstance(self.model, FlowDensity) or self.given is None:
            return self.model.sample_table(rows, self.seed)
        given = replace(self.given, values=self.given.values[:rows])
        return self.model.sample_table(given, max(1, rows // given.num_rows), self.seed)

    def samples(self, rows: int) -> np.ndarray:
        """The same as numbers, categories as codes."""
        return self.table(rows).values

    def log_density(self, rows: np.ndarray) -> np.ndarray:
        """Of each row, in nats; between two whole numbers of an integer column it is that of the lower one.

        A circle is drawn once: beyond its period it is -inf.
        """
        scores = self._log_density(rows)
        for place in self.model.schema_.circular:
            column, cells = self.model.schema_.columns[place], rows[:, place]
            scores = np.where((cells < column.low) | (cells >= column.high), -np.inf, scores)
        return scores

    def _log_density(self, rows: np.ndarray) -> np.ndarray:
        integers = [column.kind == "integer" for column in self.model.schema_.columns]
        rows = np.where(integers, np.floor(rows), rows)
        table = Table(self.names, rows)
        if isinstance(self.model, FlowDensity):
            return self.model.score_samples(table)
        assert self.given is not None
        return self.model.score_samples(
            table, replace(self.given, values=np.repeat(self.given.values[:1], len(rows), axis=0))
        )


def run(request: Request, talk: Talk) -> None:
    """Draw and save."""
    model = load_estimator(request.model)
    what = request.what or _default(model.schema_)
    subject = Subject(model, *_inputs(request, model, what), request.seed)
    figure = DRAWN_BY[what](subject)
    plots.save(figure, request.target)
    talk.say(f"wrote {request.target}: {what}")


def _default(schema: Schema) -> str:
    if len(schema.categorical) == len(schema.columns):
        return "shares"
    return "density" if len(schema.columns) <= 2 and not schema.categorical else "corner"


def _inputs(
    request: Request, model: FlowDensity | ConditionalFlowDensity, what: str
) -> tuple[Table | None, Table | None]:
    """The rows to draw beside the model, and the conditions."""
    if what == "loss":
        return None, None
    if request.source is None:
        return None, conditions(model, request.given, None)
    names, schema = model.schema_.names, model.condition_schema_
    if schema is None or what not in ("corner", "shares") or request.given:
        given = conditions(model, request.given, None)
        table = read_table(
            request.source, columns=names, drop_missing=request.drop_missing, text=list(model.schema_.categories)
        )
        return encode(table, model.schema_), given
    # Each sample is drawn given the conditions of a row of the data.
    text = [*model.schema_.categories, *schema.categories]
    table = read_table(request.source, columns=(*names, *schema.names), drop_missing=request.drop_missing, text=text)
    refuse_unseen(table, schema)
    return encode(table.select(names), model.schema_), encode(table.select(schema.names), schema)


def _density(subject: Subject) -> Any:
    _require_numbers(subject, "a density picture is of")
    if len(subject.names) > 2:
        raise WrongUsage(
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
        raise WrongUsage("a corner picture shows samples beside data.", "give DATA behind the model, such as wine.csv")
    rows = min(max(subject.data.num_rows, LEAST_DRAWN), MOST_DRAWN)
    schema = subject.model.schema_
    numbers = [place for place in range(len(schema.columns)) if place not in schema.categorical]
    if not numbers:
        raise WrongUsage("a corner picture is of numbers, and every column is categorical.", "use `--what shares`")
    names = [subject.names[place] for place in numbers]
    return plots.corner(subject.data.values[:, numbers], subject.samples(rows)[:, numbers], names=names)


def _shares(subject: Subject) -> Any:
    if not subject.model.schema_.categorical:
        raise WrongUsage("no column is categorical.", "use `--what corner`, which is of numbers")
    return plots.shares(subject.table(MOST_DRAWN), subject.data)


def _require_numbers(subject: Subject, picture: str) -> None:
    categories = subject.model.schema_.categories
    if categories:
        raise WrongUsage(
            f"{picture} numbers, and {next(iter(categories))!r} is categorical.",
            "use `--what shares` for categories, or `--what corner` for the numbers beside them",
        )


def _loss(subject: Subject) -> Any:
    return plots.loss_curve(subject.model.result_)


def _steps(subject: Subject) -> Any:
    _require_numbers(subject, "the steps are those of")
    if len(subject.names) < 2:
        raise WrongUsage("the steps are drawn for two columns or more, and the model has one.", "use `--what density`")
    condition = None if subject.given is None else subject.given.values[0]
    return plots.steps(subject.model.flow_, jax.random.key(subject.seed), condition=condition, names=subject.names)


DRAWN_BY = {"density": _density, "corner": _corner, "shares": _shares, "loss": _loss, "steps": _steps}
