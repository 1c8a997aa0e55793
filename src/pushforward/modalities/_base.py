"""The contract of a modality: all that the library knows of one kind of data stands behind it.

Importing a modality is cheap: its methods import what they need.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pushforward.modalities._options import Option
from pushforward.modalities._told import Figure, Told

if TYPE_CHECKING:
    from pathlib import Path

    import jax

    from pushforward.diagnostics import Calibration, Check
    from pushforward.distillation import StudentReport
    from pushforward.distributions import AbstractDistribution
    from pushforward.modalities._learn import Prepared
    from pushforward.modalities._model import Model
    from pushforward.modalities._settings import Settings
    from pushforward.modalities._talk import Talk
    from pushforward.modalities._told import Examined, Lesson, Look


class Modality(abc.ABC):
    """One kind of data: how it is read, learned, scored, drawn and told.

    Data go one way: `read` makes of a source what `prepare` and an estimator's `fit` take; `prepare` makes of it arrays
    `(rows, *event_shape)`, an untrained flow and *facts*, which are saved beside the trained flow. A fitted model comes
    back to `score`, `sample`, `plot` and `tell`.

    The arguments `given` hold this modality's own options of the command, by name.

    Attributes:
        name: In files.
        plural: In sentences: tables, images.
        row: One event in sentences: row, image.
        flow: The recipe where none is named.
        generator: The recipe of `synthesize` where none is named.
        events: Kinds of events, as in `Recipe.events`, of the recipes that it takes.
        options: Its own, of all commands.
        pictures: What `plot` draws, each with a clause for the help.
        extra_commands: The commands beside fit, score, sample, plot and show that it has a method for.
        size_hint: What to do where a flow does not fit the size of the data.
    """

    name: ClassVar[str]
    plural: ClassVar[str]
    row: ClassVar[str]
    flow: ClassVar[str]
    generator: ClassVar[str] = ""
    events: ClassVar[frozenset[str]]
    options: ClassVar[tuple[Option, ...]] = ()
    pictures: ClassVar[Mapping[str, str]] = {"loss": "the training and validation loss by epoch"}
    extra_commands: ClassVar[frozenset[str]] = frozenset()
    size_hint: ClassVar[str] = ""

    def takes(self, flow: str) -> bool:
        """Whether a recipe is for this kind of data."""
        from pushforward.flows import RECIPES

        name = self.meant(flow)
        return name in RECIPES and RECIPES[name].events in self.events

    def meant(self, flow: str) -> str:
        """The name of the recipe that a user's word for a flow stands for, with this kind of data."""
        return flow

    def claims(self, source: str) -> bool:
        """Whether a source can be nothing else; a glance, which raises nothing."""
        return False

    def check_source(self, source: str) -> None:
        """A DataError where a source cannot be of this kind at all."""
        return

    @abc.abstractmethod
    def read(self, source: str, given: Mapping[str, Any], talk: Talk) -> Any:
        """The data that `fit` learns from, each step told to `talk`.

        Raises:
            DataError: If they cannot be read.
        """

    def settings(self, given: Mapping[str, Any], data: Any, common: Mapping[str, Any]) -> Settings:
        """The settings of a fit from the shell: the common ones, and its own from the options."""
        from pushforward.modalities._settings import Settings

        return Settings(**common)

    def keeps(self, data: Any, settings: Settings) -> bool:
        """Whether a fit can be kept on the way, and be resumed."""
        return True

    def is_conditional(self, given: Mapping[str, Any]) -> bool:
        """Whether the options ask for a conditional model."""
        return False

    @abc.abstractmethod
    def build(self, data: Any, settings: Settings, key: jax.Array) -> AbstractDistribution:
        """The untrained flow for data, which is also run without numbers to find out whether it can be built."""

    @abc.abstractmethod
    def prepare(self, data: Any, settings: Settings, key: jax.Array) -> Prepared:
        """What training needs."""

    def finished(self, model: Model, ready: Prepared) -> Model:
        """The fitted model with what is to be known of it and its data; a fit from the shell asks for it."""
        return model

    def remarks(self, model: Model) -> Sequence[str]:
        """Lines that a fit from the shell ends with."""
        return ()

    @abc.abstractmethod
    def facts_from_json(self, data: Mapping[str, Any]) -> Any:
        """The facts of a model from what their `to_json` gave."""

    @abc.abstractmethod
    def plan(self, data: Any, settings: Settings) -> str:
        """What is fitted, behind `fitting nsf to`: `300 rows of 6 columns`."""

    def callbacks(self, data: Any, settings: Settings, target: Path, talk: Talk) -> tuple[Callable[..., Any], ...]:
        """What watches a fit from the shell; `target` is the model's file."""
        return ()

    def figure(self, model: Model) -> Figure:
        """How a loss of a model is told."""
        return Figure(1.0, f"nats per {self.row}", "negative log-density", True)

    def report(self, data: Any, model: Model) -> dict[str, Any]:
        """What `fit --json` says beside what all fits have."""
        return {}

    @abc.abstractmethod
    def score(self, model: Model, source: str, target: str, given: Mapping[str, Any], talk: Talk) -> None:
        """Write how likely each event of a source is, with a column `log_prob` in nats."""

    @abc.abstractmethod
    def sample(
        self,
        model: Model,
        count: int | None,
        target: str,
        given: Mapping[str, Any],
        *,
        temperature: float,
        seed: int,
        talk: Talk,
    ) -> None:
        """Write new events."""

    def plot(
        self, model: Model, source: str | None, what: str | None, given: Mapping[str, Any], look: Look, seed: int
    ) -> tuple[Any, str]:
        """A figure of matplotlib, and the name of the picture."""
        from pushforward import plots

        return plots.loss_curve(model.result, **look._asdict()), "loss"

    def tell(self, model: Model) -> Told:
        """What `show` tells beside what all models have."""
        return Told({})

    def predict(self, model: Model, source: str, target: str, given: Mapping[str, Any], talk: Talk) -> None:
        """Write what the model says of the rest of each event, given a part."""
        raise NotImplementedError

    def classify(self, model: Model, source: str, target: str, given: Mapping[str, Any], talk: Talk) -> None:
        """Write the class of each event, by Bayes' rule over the classes that the model is conditional on."""
        raise NotImplementedError

    def check(
        self, model: Model, source: str, train: str | None, given: Mapping[str, Any], *, level: float, seed: int
    ) -> Check | Calibration:
        """Whether a model fits a source."""
        raise NotImplementedError

    def examined(
        self,
        model: Model,
        file: str,
        source: str,
        train: str | None,
        given: Mapping[str, Any],
        *,
        level: float,
        seed: int,
    ) -> Examined:
        """What a report says of a model, which is in a file, and of a source."""
        raise NotImplementedError

    def outliers(self, model: Model, source: str, target: str, given: Mapping[str, Any], talk: Talk) -> None:
        """Write which events are odd, at a known share of false alarms."""
        raise NotImplementedError

    def impute(
        self, model: Model, source: str, target: str, given: Mapping[str, Any], *, seed: int, talk: Talk
    ) -> None:
        """Write a source with what it lacks filled by draws."""
        raise NotImplementedError

    def forecast(self, model: Model, source: str, target: str, given: Mapping[str, Any], seed: int, talk: Talk) -> None:
        """Write what follows the data."""
        raise NotImplementedError

    def backtest(self, model: Model, source: str, given: Mapping[str, Any], seed: int, talk: Talk) -> Any:
        """How good forecasts of what is known already are."""
        raise NotImplementedError

    def distill(self, model: Model, lesson: Lesson, given: Mapping[str, Any]) -> tuple[Model, StudentReport]:
        """The model with a student in the place of its flow, and how near the student is."""
        raise NotImplementedError

    def compare(
        self,
        source: str,
        flows: Sequence[str],
        given: Mapping[str, Any],
        *,
        common: Mapping[str, Any],
        folds: int,
        talk: Talk,
    ) -> Any:
        """What flows are worth on a source, by cross-validation; `common` are the settings of training."""
        raise NotImplementedError

    def synthesize(
        self,
        source: str,
        target: str,
        count: int | None,
        given: Mapping[str, Any],
        *,
        common: Mapping[str, Any],
        talk: Talk,
    ) -> Any:
        """New data like a source's, and what is to be said of sharing them.

        What is given back has the new data as `table`, more of them where they are too few to be `judged`, and
        `assess()`, whose answer can be printed, is `to_json()`, and is shown by `page(found)`.

        Args:
            source: The data.
            target: The file that the new ones will be written to.
            count: How many; None for as many as there are.
            given: Its own options.
            common: The settings of a fit.
            talk: Is told of each step.
        """
        raise NotImplementedError

    def interpolate(
        self, model: Model, sources: Sequence[str], target: Path, given: Mapping[str, Any], talk: Talk
    ) -> None:
        """Write what lies between events."""
        raise NotImplementedError

    def attributes(self, model: Model, source: str, target: Path, given: Mapping[str, Any], talk: Talk) -> None:
        """Write events moved along an attribute."""
        raise NotImplementedError
