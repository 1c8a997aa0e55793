"""What all estimators share: fitting by a modality, saving, loading."""

import os
from collections.abc import Callable
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator
from sklearn.utils import estimator_html_repr
from sklearn.utils.validation import check_is_fitted

from pushforward._errors import FileError
from pushforward.distributions import AbstractDistribution
from pushforward.estimators._repr import fitted_html
from pushforward.modalities import modality_named
from pushforward.modalities._learn import Prepared, prepared, trained
from pushforward.modalities._model import Model, read_model, write_model
from pushforward.modalities._settings import Settings
from pushforward.train import Epoch, FitResult


class FlowEstimator(BaseEstimator):
    """A shell around a fitted `Model`: scikit-learn's manners outside, the modality's work inside.

    A class below it is also a dataclass of `Settings`, which are its arguments.
    """

    model_: Model

    _modality: ClassVar[str]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to one `.safetensors` file, whole or not at all.

        Args:
            path: The file to write or to replace.

        Raises:
            FileError: If it cannot be written.
        """
        write_model(path, self._fitted)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The estimator in a file from `save`; it scores and samples with the same bits.

        Raises:
            FileError: If the file is missing, damaged, of a newer version, or holds something else.
        """
        model = read_model(path)
        cls._require(model, str(path))
        return cls.from_model(model)

    @classmethod
    def from_model(cls, model: Model) -> Self:
        """The estimator that has fitted a model."""
        estimator = cls(**model.settings)
        estimator._set_fitted(model)
        return estimator

    @classmethod
    def _require(cls, model: Model, source: str) -> None:
        """A FileError where a model is not of this estimator's kind."""
        require_modality(model, cls._modality, source)

    @property
    def flow_(self) -> AbstractDistribution:
        """The fitted flow, from noise to data in the units of the data."""
        return self._fitted.flow

    @property
    def result_(self) -> FitResult:
        """How training went."""
        return self._fitted.result

    @property
    def history_(self) -> tuple[Epoch, ...]:
        """One `Epoch` for each epoch."""
        return self._fitted.result.history

    @property
    def _fitted(self) -> Model:
        check_is_fitted(self, "model_")
        return self.model_

    def _learn(self, data: Any, look: Callable[[Prepared], None] | None = None) -> Prepared:
        """Fit the flow to data of the modality, after a look at what was prepared, which is given back."""
        modality = modality_named(self._modality)
        settings = self._settings
        ready, key = prepared(modality, data, settings)
        if look is not None:
            look(ready)
        self._set_fitted(trained(modality, ready, settings, key))
        return ready

    @property
    def _settings(self) -> Settings:
        """The settings of a fit."""
        assert isinstance(self, Settings)  # every estimator is one
        return self

    def _set_fitted(self, model: Model) -> None:
        self.model_ = model

    def _html_repr(self) -> str:
        """What a notebook shows: scikit-learn's diagram, and what was fitted below it."""
        diagram = estimator_html_repr(self)
        model = vars(self).get("model_")
        return diagram if model is None else diagram + fitted_html(model)


def require_modality(model: Model, name: str, source: str) -> None:
    """A FileError where a model is of another kind of data."""
    if model.modality != name:
        given, wanted = (modality_named(kind).plural for kind in (model.modality, name))
        raise FileError(
            f"{source}: holds a model of {given}, not of {wanted}",
            "`pushforward.estimators.load_estimator` loads any model",
        )
