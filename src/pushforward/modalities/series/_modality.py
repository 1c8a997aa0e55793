"""The modality of series."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pushforward.modalities._base import Modality
from pushforward.modalities._options import COUNT, Number, Option, flatten, names, word
from pushforward.modalities._told import Figure, Look, Told

READ = ("score", "forecast", "backtest", "plot")


def levels(text: str) -> tuple[float, ...]:
    """`0.1,0.5,0.9`."""
    return tuple(float(Number(0, 1, above=True, below=True)(level)) for level in text.split(","))


OPTIONS = (
    Option(name="time", commands=("fit",), metavar="COLUMN", parse=word, help="The column of times."),
    Option(
        name="item",
        commands=("fit",),
        metavar="COLUMN",
        parse=word,
        help="The column that says which item a row is of, where there are several rows for a time.",
    ),
    Option(
        name="horizon",
        commands=("fit",),
        metavar="N",
        parse=COUNT,
        default=24,
        help="How many steps are forecast together.",
    ),
    Option(
        name="context",
        commands=("fit",),
        metavar="N",
        parse=COUNT,
        help="How many steps before them are read.",
        shown="7 seasons, or the horizon where that is longer",
    ),
    Option(
        name="known",
        commands=("fit",),
        metavar="A,B",
        parse=names,
        many=True,
        help="Columns that are known ahead, of the future too. Repeatable.",
    ),
    Option(
        name="drop",
        commands=("fit",),
        metavar="A,B",
        parse=names,
        many=True,
        help="Leave out these columns. Repeatable.",
    ),
    Option(name="fill_gaps", commands=("fit", *READ), help="Put steps that are not there in as missing."),
    Option(
        name="paths",
        commands=("forecast", "backtest"),
        metavar="N",
        parse=Number(2, whole=True),
        default=100,
        help="How many futures are drawn.",
    ),
    Option(
        name="quantile",
        commands=("forecast",),
        metavar="A,B",
        parse=levels,
        many=True,
        help="Write these quantiles of each series in place of the paths, such as 0.1,0.5,0.9. Repeatable.",
    ),
    Option(
        name="windows",
        commands=("backtest",),
        metavar="N",
        parse=COUNT,
        default=5,
        help="How many windows are forecast, the last ones, one behind the other.",
    ),
)


class SeriesModality(Modality):
    """Tables with a column of times."""

    name = "series"
    plural = "series"
    row = "window"
    flow = "tempflow"
    events = frozenset({"series"})
    options = OPTIONS
    pictures: ClassVar[Mapping[str, str]] = {
        "fan": "the past of DATA, and bands that hold 50 and 90 % of the paths behind it",
        "correlations": "between the changes of series, in DATA and in paths",
        "loss": "the training and validation loss by epoch",
    }
    extra_commands = frozenset({"forecast", "backtest"})
    size_hint = "give a shorter --horizon or --context"

    def read(self, source: str, given: Mapping[str, Any], talk: Any) -> Any:
        """Series on a regular grid, which is said."""
        from pushforward._errors import UsageError
        from pushforward.data.series._read import read_series

        if given["time"] is None:
            raise UsageError("series need a column of times.", "name it with --time, such as --time date")
        data = read_series(
            source,
            time=given["time"],
            item=given["item"],
            known=flatten(given["known"]),
            drop=flatten(given["drop"]),
            fill_gaps=given["fill_gaps"],
        )
        self._say(data, source, talk)
        return data

    def settings(self, given: Mapping[str, Any], data: Any, common: Mapping[str, Any]) -> Any:
        """The common settings, and what is forecast."""
        from pushforward.modalities.series._settings import SeriesSettings

        return SeriesSettings(**common, horizon=given["horizon"], context=given["context"])

    def build(self, data: Any, settings: Any, key: Any) -> Any:
        """The untrained flow."""
        from pushforward.modalities.series._prepare import build

        return build(data, settings, key)

    def prepare(self, data: Any, settings: Any, key: Any) -> Any:
        """Windows and the flow."""
        from pushforward.modalities.series._prepare import prepare

        return prepare(data, settings, key)

    def facts_from_json(self, data: Mapping[str, Any]) -> Any:
        """Names, grid, items and covariates of a file."""
        from pushforward.modalities.series._facts import SeriesFacts

        return SeriesFacts.from_json(data)

    def plan(self, data: Any, settings: Any) -> str:
        """Series, steps and horizon."""
        return f"{data.told()}, a horizon of {settings.horizon}"

    def figure(self, model: Any) -> Figure:
        """Nats a step; of whole numbers a bound."""
        what = "bound of the negative log-probability" if model.flow.numbers else "negative log-density"
        return Figure(1.0 / model.flow.horizon, "nats per step", f"{what} of all series at one time", True)

    def report(self, data: Any, model: Any) -> dict[str, Any]:
        """What was read, and the figure."""
        return {"series": list(data.names), "items": len(data.items), "step": data.grid.name}

    def score(self, model: Any, source: str, target: str, given: Mapping[str, Any], talk: Any) -> None:
        """A row for each step of each item: its log-density given those before it."""
        import numpy as np

        from pushforward.modalities._talk import plural
        from pushforward.modalities.series._forecast import write_rows
        from pushforward.modalities.series._score import scores_of

        data = self._read_for(model, source, given, talk)
        facts, blocks = model.facts, []
        for place, (item, scores) in enumerate(zip(data.items, scores_of(model.flow, facts, data), strict=True)):
            times = item.times if facts.moment is None else facts.moment.of_clock(item.times)
            head = [np.full(len(item), float(place))] if facts.item else []
            blocks.append(np.column_stack([*head, times, scores]))
        values = np.concatenate(blocks)
        write_rows(target, facts, values, ("log_prob",), tuple(item.name for item in data.items))
        mean = np.nanmean(values[:, -1])
        talk.say(f"wrote {plural(len(values), 'score')} to {_place(target)}; mean {mean:.4f} nats a step")

    def sample(
        self,
        model: Any,
        count: int | None,
        target: str,
        given: Mapping[str, Any],
        *,
        temperature: float,
        seed: int,
        talk: Any,
    ) -> None:
        """Refused: paths need a past."""
        from pushforward._errors import UsageError

        raise UsageError(
            "a model of series draws what follows a past.", "give the past: `pushforward forecast MODEL DATA -o FILE`"
        )

    def forecast(self, model: Any, source: str, target: str, given: Mapping[str, Any], seed: int, talk: Any) -> None:
        """Write paths or quantiles of what follows the data."""
        import jax

        from pushforward.modalities._talk import plural
        from pushforward.modalities.series._forecast import paths_of, write_forecast

        data = self._read_for(model, source, given, talk)
        paths, ahead = paths_of(model.flow, model.facts, data, given["paths"], jax.random.key(seed))
        asked = tuple(level for group in given["quantile"] for level in group)
        count = write_forecast(target, model.facts, paths, ahead, asked)
        talk.say(f"wrote {plural(count, 'row')} to {_place(target)}: {plural(model.flow.horizon, 'step')} ahead")

    def backtest(self, model: Any, source: str, given: Mapping[str, Any], seed: int, talk: Any) -> Any:
        """Scores of the last windows, beside those of plain forecasts."""
        from pushforward.modalities.series._backtest import backtest

        data = self._read_for(model, source, given, talk)
        return backtest(model.flow, model.facts, data, count=given["windows"], paths=given["paths"], seed=seed)

    def plot(
        self, model: Any, source: str | None, what: str | None, given: Mapping[str, Any], look: Look, seed: int
    ) -> tuple[Any, str]:
        """A fan behind DATA, if nothing else is asked for, and without DATA the loss."""
        from pushforward.modalities._talk import Talk
        from pushforward.modalities.series._pictures import picture

        what = what or ("loss" if source is None else "fan")
        data = None if source is None else self._read_for(model, source, given, Talk(quiet=True))
        return picture(model, data, what, look, seed), what

    def tell(self, model: Any) -> Told:
        """Names, step, horizon, and which series are whole numbers."""
        return model.facts.told(model.flow)

    def _read_for(self, model: Any, source: str, given: Mapping[str, Any], talk: Any) -> Any:
        """Series as the model knows them."""
        from pushforward.data.series._read import read_series

        facts = model.facts
        data = read_series(
            source,
            time=facts.time,
            item=facts.item or None,
            series=facts.names,
            known=facts.known,
            fill_gaps=given["fill_gaps"],
            clock=facts.clock,
        )
        self._say(data, source, talk)
        return data

    def _say(self, data: Any, source: str, talk: Any) -> None:
        for note in data.notes:
            talk.say(note)
        talk.say(f"read {source}: {data.told()}")


def _place(target: str) -> str:
    return "standard output" if target == "-" else target
