"""The modality of tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pushforward.modalities._base import Figure, Look, Modality, Told
from pushforward.modalities._options import Number, Option, flatten, named_text, named_value, names, word
from pushforward.modalities.table.conditionals._options import CONDITIONAL_OPTIONS

ROWS = 1000
"""How many rows `sample` draws where nothing else is asked for."""

LEARN = ("fit", "compare")
"""The commands that learn from one."""
WHOLE = (*LEARN, "score", "predict", "sample", "plot", "distill")
"""The commands that read a table of whole rows."""
READ = (*WHOLE, "impute")
"""The commands that read a table."""

OPTIONS = (
    Option(
        name="condition",
        commands=LEARN,
        metavar="A,B",
        parse=names,
        many=True,
        help="Columns to be conditional on: learn the others given these.",
    ),
    Option(
        name="weights",
        commands=LEARN,
        metavar="COLUMN",
        parse=word,
        help="Column of weights: a row of weight 2 counts like two rows.",
    ),
    Option(name="drop", commands=LEARN, metavar="A,B", parse=names, many=True, help="Columns to leave out."),
    Option(
        name="kinds",
        spelt="--column",
        commands=LEARN,
        metavar="NAME:KIND",
        parse=word,
        many=True,
        help="What a column can hold: unbounded, positive, integer, integer(0,10), bounded(0,1), circular(360), "
        "categorical, or of dates and times circular(day), circular(week) or circular(year); with values that have a "
        "probability of their own, as positive+atoms(0). The name * stands for all others. Inferred where it is not "
        "given. Repeatable.",
    ),
    Option(
        name="background",
        commands=LEARN,
        both_ways=True,
        help="Whether one Gaussian, and one twice as wide, are mixed with the flow, for rows far from all others.  "
        "[default: for at most 5,000 rows of numbers without conditions]",
    ),
    Option(
        name="drop_missing",
        commands=WHOLE,
        help="Leave out rows with an empty, NaN or infinite cell.",
    ),
    Option(
        name="missing",
        commands=READ,
        metavar="VALUE",
        parse=word,
        many=True,
        help="A value that stands for a missing cell, such as -99. Repeatable.",
    ),
    Option(
        name="keep",
        commands=("score", "predict", "impute"),
        metavar="A,B",
        parse=names,
        many=True,
        help="Columns to write beside what is found as they are, such as identifiers and dates.",
    ),
    Option(
        name="delimiter",
        commands=READ,
        metavar="SIGN",
        parse=word,
        help="Between the cells of a text table: , ; | tab or blank. Found out where it is not given.",
    ),
    Option(name="decimal", commands=READ, metavar="SIGN", parse=word, help="The decimal mark of a text table: . or ,."),
    Option(name="comment", commands=READ, metavar="SIGN", parse=word, help="Lines of text that begin so are left out."),
    Option(
        name="encoding",
        commands=READ,
        metavar="NAME",
        parse=word,
        help="Of a text table that is not UTF-8: cp1252, utf-16, latin-1.",
    ),
    Option(
        name="dates",
        commands=READ,
        metavar="ORDER",
        parse=word,
        help="How dates such as 03/04/2024 begin: day-first or month-first. Found out where a row settles it.",
    ),
    Option(
        name="given",
        commands=("sample", "plot"),
        metavar="COLUMN=VALUE",
        parse=named_value,
        many=True,
        help="The value of a condition, for a conditional model. Repeatable.",
    ),
    Option(
        name="columns",
        commands=("plot",),
        metavar="A,B",
        parse=names,
        many=True,
        help="The columns to draw, in this order; by default those of the model.",
    ),
    Option(
        name="label",
        commands=("plot",),
        metavar="COLUMN=TEXT",
        parse=named_text,
        many=True,
        help="What to call a column in the picture, such as alcohol='Alcohol (% vol)'. Repeatable.",
    ),
    Option(
        name="interval",
        commands=("predict",),
        metavar="SHARE",
        parse=Number(0, 1, above=True, below=True),
        many=True,
        help="Where a column lies with this probability, such as 0.9: its lower and its upper end. Repeatable.",
    ),
    Option(
        name="quantile",
        commands=("predict",),
        metavar="SHARE",
        parse=Number(0, 1, above=True, below=True),
        many=True,
        help="The value below which a column lies with this probability; 0.5 is the median. Repeatable.",
    ),
    Option(
        name="draws",
        commands=("predict",),
        metavar="N",
        parse=Number(2, whole=True),
        default=1000,
        help="How many draws for each row, where the model has several columns.",
    ),
    Option(
        name="given_file",
        commands=("sample",),
        metavar="FILE",
        parse=word,
        help="A table with the model's conditions.",
    ),
    *CONDITIONAL_OPTIONS,
)


class TableModality(Modality):
    """Rows of numbers, angles, whole numbers and categories, in files, frames and arrays."""

    name = "table"
    plural = "tables"
    row = "row"
    flow = "nsf"
    events = frozenset({"line", "circle", "sphere", "integers", "categories"})
    options = OPTIONS
    extra_commands = frozenset({"compare", "predict", "impute", "distill"})
    pictures: ClassVar[Mapping[str, str]] = {
        "density": "of one or two columns of numbers, with lines around the regions that hold 50, 90 and 99 % of it",
        "corner": "every pair of columns of numbers, samples beside DATA",
        "shares": "how often each category occurs in samples, and in DATA",
        "loss": "the training and validation loss by epoch",
        "steps": "how the layers move points from the noise to the data",
    }

    def takes(self, flow: str) -> bool:
        """Whether a recipe is for rows; `auto` is the best of a few."""
        return flow == "auto" or Modality.takes(self, flow)

    def check_source(self, source: str) -> None:
        """A DataError for a folder."""
        if Path(source).is_dir():
            from pushforward._errors import DataError

            raise DataError(f"{source}: this is a folder.", "give the path of one file of a table")

    def read(self, source: str, given: Mapping[str, Any], talk: Any) -> Any:
        """Rows, with conditions and weights apart."""
        from pushforward.modalities.table._read import read_rows

        return read_rows(source, given, talk)

    def settings(self, given: Mapping[str, Any], data: Any, common: Mapping[str, Any]) -> Any:
        """The common settings, and the kinds of columns: inferred where they are not said."""
        from pushforward.modalities.table._settings import TableSettings

        return TableSettings(**common, columns={"*": "infer"} | dict(data.kinds), background=given["background"])

    def is_conditional(self, given: Mapping[str, Any]) -> bool:
        """Whether a column is conditioned on."""
        return bool(given["condition"])

    def build(self, data: Any, settings: Any, key: Any) -> Any:
        """The flow of the columns, in standardised units."""
        from pushforward.modalities.table._columns import seen_size
        from pushforward.modalities.table._flow import build_flow

        cond_dim = None if data.conditions is None else seen_size(data.conditions)
        flow = self.flow if settings.flow == "auto" else settings.flow
        return build_flow(flow, settings.options, data.schema, cond_dim, key)

    def prepare(self, data: Any, settings: Any, key: Any) -> Any:
        """The schema, the flow in the user's units, arrays on the device."""
        from pushforward.modalities.table.choice._prepare import prepare_rows

        return prepare_rows(data, settings, key)

    def finished(self, model: Any, ready: Any) -> Any:
        """With the scores of the training rows, among which `score` ranks others, and what it gains on a Gaussian."""
        from dataclasses import replace

        from pushforward.modalities.table._ranks import with_scores
        from pushforward.modalities.table.choice._gain import gain

        return with_scores(replace(model, facts=replace(model.facts, gain=gain(model, ready))), ready)

    def remarks(self, model: Any) -> tuple[str, ...]:
        """By how much it is better, or worse, than one Gaussian."""
        from pushforward.modalities.table.choice._gain import told

        return () if model.facts.gain is None else told(model.facts.gain)

    def facts_from_json(self, data: Mapping[str, Any]) -> Any:
        """The schemas of a file."""
        from pushforward.modalities.table._facts import TableFacts

        return TableFacts.from_json(data)

    def plan(self, data: Any, settings: Any) -> str:
        """Rows, columns, conditions, and by which flows."""
        from pushforward.modalities.table._plan import plan

        return plan(data, settings.flow)

    def figure(self, model: Any) -> Figure:
        """Nats per row, if the flow is trained by likelihood."""
        from pushforward.modalities.table._flow import objective_of
        from pushforward.objectives import elbo, nll

        if "teacher" in model.settings:
            return Figure(1.0, "nats from the teacher", "divergence from the teacher, over the student's draws,", False)
        if objective_of(model.recipe, model.facts.schema) in (nll, elbo):
            return Modality.figure(self, model)
        return Figure(1.0, "squared error of the velocity", "squared error of the velocity, not a likelihood,", False)

    def report(self, data: Any, model: Any) -> dict[str, Any]:
        """Rows, columns and conditions."""
        return {"rows": data.x.num_rows, "dropped_rows": data.x.dropped} | model.facts.told().plain

    def score(self, model: Any, source: str, target: str, given: Mapping[str, Any], talk: Any) -> None:
        """One row for each row, with its number, the columns that are kept, and `log_prob`."""
        from pushforward.modalities.table._score import score
        from pushforward.modalities.table.conditionals._commands import score_incomplete

        (score_incomplete if given["incomplete"] else score)(model, source, target, given, talk)

    def impute(self, model: Any, source: str, target: str, given: Mapping[str, Any], *, seed: int, talk: Any) -> None:
        """The rows with missing cells drawn given the others."""
        from pushforward.modalities.table.conditionals._commands import impute

        impute(model, source, target, given["draws"], given, seed=seed, talk=talk)

    def predict(self, model: Any, source: str, target: str, given: Mapping[str, Any], talk: Any) -> None:
        """One row for each row: mean, quantiles and intervals of every column given the conditions."""
        from pushforward.modalities.table.prediction._predictions import Asked, predict

        asked = Asked(tuple(given["interval"]), tuple(given["quantile"]), given["draws"])
        predict(model, source, target, asked, given, talk)

    def distill(self, model: Any, lesson: Any, given: Mapping[str, Any]) -> Any:
        """With a student of the same columns."""
        from pushforward.modalities.table._student import taught

        return taught(model, lesson, given)

    def compare(
        self,
        source: str,
        flows: Sequence[str],
        given: Mapping[str, Any],
        *,
        common: Mapping[str, Any],
        folds: int,
        talk: Any,
    ) -> Any:
        """A `Comparison` of the flows, of a few where none is named."""
        from pushforward.modalities.table.choice._compare import FLOWS, check_flows, compare_rows

        flows = flows or FLOWS
        check_flows(flows, conditional=self.is_conditional(given))
        data = self.read(source, given, talk)
        candidates = [self.settings(given, data, {"flow": flow, **common}) for flow in flows]
        return compare_rows(data, candidates, folds=folds, seed=common["random_state"], tell=talk.say)

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
        """The model's own columns, and the conditions behind them."""
        from pushforward.modalities.table._given import conditions
        from pushforward.modalities.table._reading import reading
        from pushforward.modalities.table._sample import sample
        from pushforward.modalities.table.conditionals._commands import sample_where

        if given["where"]:
            how = {"temperature": temperature, "seed": seed, "talk": talk}
            return sample_where(model, count or ROWS, target, given["where"], **how)
        schema, file = model.facts.condition_schema, given["given_file"]
        chosen = conditions(
            schema, dict(given["given"]), file, reading(given) | {"drop_missing": given["drop_missing"]}
        )
        return sample(model, count or ROWS, target, chosen, temperature=temperature, seed=seed, talk=talk)

    def plot(
        self, model: Any, source: str | None, what: str | None, given: Mapping[str, Any], look: Look, seed: int
    ) -> tuple[Any, str]:
        """The density of one or two columns, else a corner picture, if nothing else is asked for."""
        from pushforward.modalities.table._pictures import Wanted, picture
        from pushforward.modalities.table._reading import reading

        how = reading(given) | {"drop_missing": given["drop_missing"]}
        wanted = Wanted(flatten(given["columns"]), dict(given["label"]), look)
        return picture(model, source, what, given=dict(given["given"]), how=how, wanted=wanted, seed=seed)

    def tell(self, model: Any) -> Told:
        """Columns and conditions."""
        return model.facts.told()
