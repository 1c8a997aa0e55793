"""The modality of tables."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pushforward.modalities._base import Modality
from pushforward.modalities._options import flatten
from pushforward.modalities._told import Figure, Look, Told
from pushforward.modalities.table._flags import OPTIONS

ROWS = 1000
"""How many rows `sample` draws where nothing else is asked for."""


class TableModality(Modality):
    """Rows of numbers, angles, whole numbers and categories, in files, frames and arrays."""

    name = "table"
    plural = "tables"
    row = "row"
    flow = "nsf"
    generator = "nsf-ar"
    events = frozenset({"line", "circle", "sphere", "integers", "categories"})
    options = OPTIONS
    extra_commands = frozenset(
        {"check", "compare", "predict", "classify", "impute", "distill", "outliers", "report", "synthesize"}
    )
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
        """A DataError for a folder without files of Parquet."""
        from pushforward.data.shards._places import names_files

        if Path(source).is_dir() and not names_files(source):
            from pushforward._errors import DataError

            hint = "give the path of one file of a table, or a folder with files of Parquet"
            raise DataError(f"{source}: this is a folder.", hint)

    def read(self, source: str, given: Mapping[str, Any], talk: Any) -> Any:
        """Rows, with conditions and weights apart."""
        from pushforward.modalities.table._read import read_rows

        return read_rows(source, given, talk)

    def settings(self, given: Mapping[str, Any], data: Any, common: Mapping[str, Any]) -> Any:
        """The common settings, and the kinds of columns: inferred where they are not said."""
        from pushforward.modalities.table._settings import TableSettings
        from pushforward.modalities.table.private._prepare import not_private

        columns = {"*": "infer"} | dict(data.kinds)
        single = ("ensemble", "incomplete", "epsilon", "delta", "clip_norm")
        own = {name: given[name] for name in single if given.get(name) is not None}
        if "epsilon" not in own and (left := {"delta", "clip_norm"} & {*own}):  # also where it is the default
            raise not_private(min(left))
        own |= {name: dict(given[name]) for name in ("bounds", "categories") if given.get(name)}
        return TableSettings(**common, columns=columns, background=given["background"], **own)

    def keeps(self, data: Any, settings: Any) -> bool:
        """Whether it is one fit, to whole rows, and not private."""
        return settings.epsilon is None and settings.ensemble == 1 and (data.holes is None or not data.holes.any())

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
        from pushforward.modalities.table.incomplete._prepare import prepare_incomplete
        from pushforward.modalities.table.private._prepare import prepare_private, refuse_private

        if settings.epsilon is not None:
            return prepare_private(data, settings, key)
        refuse_private(settings)
        return prepare_incomplete(data, settings, key)

    def finished(self, model: Any, ready: Any) -> Any:
        """With the scores of the training rows, among which `score` ranks others, and what it gains on a Gaussian."""
        from dataclasses import replace

        from pushforward.modalities.table.choice._gain import gain
        from pushforward.modalities.table.oddity._keep import with_calibration
        from pushforward.modalities.table.oddity._ranks import with_scores

        # What the model drew itself says nothing of how good it is, and of private rows nothing else is kept.
        if model.facts.completed is not None or model.facts.privacy is not None:
            return model
        known = replace(model, facts=replace(model.facts, gain=gain(model, ready)))
        return with_calibration(with_scores(known, ready), ready)

    def remarks(self, model: Any) -> tuple[str, ...]:
        """By how much it is better, or worse, than one Gaussian."""
        from pushforward.modalities.table.choice._gain import told

        if model.facts.privacy is not None:
            return (f"private: {model.facts.privacy.sentence}",)
        completed = () if model.facts.completed is None else model.facts.completed.sentences()
        return completed if model.facts.gain is None else told(model.facts.gain)

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
        dropped = None if data.streamed is not None and data.streamed.drop_missing else data.x.dropped
        return {"rows": data.total, "dropped_rows": dropped} | model.facts.told().plain

    def score(self, model: Any, source: str, target: str, given: Mapping[str, Any], talk: Any) -> None:
        """One row for each row, with its number, the columns that are kept, and `log_prob`."""
        from pushforward.modalities.table._score import score
        from pushforward.modalities.table.conditionals._commands import score_incomplete
        from pushforward.modalities.table.parts._shard import refuse_shard

        if given["incomplete"]:
            refuse_shard(given["shard"], "--incomplete")
            if given["drop_missing"]:
                from pushforward._errors import UsageError

                raise UsageError("--incomplete and --drop-missing exclude each other.", "leave one of them out")
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

    def classify(self, model: Any, source: str, target: str, given: Mapping[str, Any], talk: Any) -> None:
        """One row for each row: its likeliest class, the probability of each, its log-density."""
        from pushforward.modalities.table.prediction._classify import classify

        classify(model, source, target, given, talk)

    def check(
        self, model: Any, source: str, train: str | None, given: Mapping[str, Any], *, level: float, seed: int
    ) -> Any:
        """Tests of a fit to columns of numbers."""
        from pushforward.modalities.table.goodness._check import checked

        return checked(model, source, train, given, level=level, seed=seed)

    def examined(
        self,
        model: Any,
        file: str,
        source: str,
        train: str | None,
        given: Mapping[str, Any],
        *,
        level: float,
        seed: int,
    ) -> Any:
        """Tests, pictures of data beside samples, the training, and the worst and best rows."""
        from pushforward.modalities.table.reporting._examined import examined

        return examined(model, file, source, train, given, level=level, seed=seed)

    def outliers(self, model: Any, source: str, target: str, given: Mapping[str, Any], talk: Any) -> None:
        """One row for each that is flagged, with its p-value and the columns that make it odd."""
        from pushforward.modalities.table.oddity._outliers import outliers

        outliers(model, source, target, given, talk)

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

    def synthesize(
        self,
        source: str,
        target: str,
        count: int | None,
        given: Mapping[str, Any],
        *,
        common: Mapping[str, Any],
        talk: Any,
    ) -> Any:
        """A `Synthesis`: each column by its own law, their dependence by a flow."""
        from pushforward.modalities.table.synthesis._synthesize import synthesize

        return synthesize(source, target, count, given, common=common, talk=talk)

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
        from pushforward.modalities.table.parts._shard import refuse_shard

        if given["where"]:
            refuse_shard(given["shard"], "--where")
            how = {"temperature": temperature, "seed": seed, "talk": talk}
            return sample_where(model, count or ROWS, target, given["where"], **how)
        schema, file = model.facts.condition_schema, given["given_file"]
        chosen = conditions(
            schema, dict(given["given"]), file, reading(given) | {"drop_missing": given["drop_missing"]}
        )
        how = {"temperature": temperature, "seed": seed, "talk": talk, "shard": given["shard"]}
        return sample(model, count or ROWS, target, chosen, **how)

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
