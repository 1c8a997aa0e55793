"""A variational autoencoder of rows or of images."""

import os
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self, no_type_check

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import estimator_html_repr
from sklearn.utils.validation import check_is_fitted

from pushforward._errors import DataError
from pushforward.data import Images
from pushforward.diagnostics import Evidence, estimate_log_prob
from pushforward.distributions import AbstractDistribution
from pushforward.distributions._latent import Latent, drawn, latent_of
from pushforward.estimators._density import FlowDensity
from pushforward.estimators._images import ImageDensity
from pushforward.estimators._inputs import mean_score, rows_to_score
from pushforward.estimators._latent_use import LatentUse, tell_collapse
from pushforward.estimators._load import load_estimator
from pushforward.estimators._repr import fitted_html
from pushforward.modalities._events import by_name
from pushforward.modalities._learn import Prepared
from pushforward.modalities._walk import Path, between, finite_latents
from pushforward.modalities.table._chunks import _original
from pushforward.train import Epoch, FitResult

ACTIVE = 0.01
"""Variance over the data of the centre of what a latent variable is given, above which it counts as used."""
ROWS = 512
LOOKED_AT = 2000
"""Rows of the data on which the use of the latent variables is measured after a fit."""


class _OfRows(FlowDensity):
    """A density of rows that are encoded as a whole."""

    def _check(self, ready: Prepared) -> None:
        if latent_of(ready.flow) is None:
            raise DataError(
                "FlowVAE: categories, angles and atoms are not encoded.", "give columns of numbers, or use FlowDensity"
            )


@no_type_check
@dataclass(repr=False, eq=False)
class FlowVAE(DensityMixin, BaseEstimator):
    """A variational autoencoder whose posterior and prior may be flows, of rows of numbers or of images.

    Args:
        latent: Number of latent variables; None for the recipe's own: half as many as columns, or 40 for images.
        posterior: "diagonal", "full", "planar", "radial", "sylvester", "iaf", "nsf", ...; see `flows.vae`.
        prior: "normal", "mixture", "vamp" (images), or a flow, such as "nsf".
        options: Others of the recipes `flows.vae` and `flows.vae_image`, such as `{"width": 64, "free_bits": 0.1}`.
        learning_rate: As of `FlowDensity`, and so are those below.
        batch_size: Rows per step.
        max_epochs: Passes through the data at most.
        patience: Epochs without a better held-out loss before training ends.
        validation: Share of the rows that is held out.
        ema: Decay of a running mean of the parameters.
        weight_decay: Share of the weights of networks, times the learning rate, that a step takes away.
        progress: Whether to report on stderr.
        random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.

    Attributes:
        density_: The fitted `FlowDensity` or `ImageDensity`.
        flow_: The fitted autoencoder, in the units of the data.
        latent_use_: The divergence, and which latent variables are used (`LatentUse`).

    Example:
        >>> X = pf.data.moons(300)
        >>> vae = pf.FlowVAE(latent=1, options={"width": 16}, max_epochs=2, random_state=0).fit(X)
        >>> vae.encode(X).shape, vae.reconstruct(X).shape, vae.sample(5, random_state=0).shape
        ((300, 1), (300, 2), (5, 2))
    """

    latent: int | None = None
    posterior: str = "diagonal"
    prior: str = "normal"
    _: KW_ONLY
    options: Mapping[str, Any] | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    max_epochs: int | None = None
    patience: int | None = None
    validation: float | None = 0.1
    ema: float | None = None
    weight_decay: float | None = None
    progress: bool = False
    random_state: Any = None

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from rows `(rows, columns)` or images `(count, height, width[, channels])` of bytes, or `Images`.

        Images with two grey values, 0 and 1, are binary; others have 256, unless `Images` say otherwise.

        Raises:
            ValueError: If the data or a setting cannot be used.
        """
        own = {"posterior": self.posterior, "prior": self.prior} | by_name(self.options)
        own |= {} if self.latent is None else {"latent": self.latent}
        training = {name: getattr(self, name) for name in SHARED}
        X = _as_images(X)
        if isinstance(X, Images):
            training |= {} if self.batch_size is not None else {"batch_size": 64}
            self.density_ = ImageDensity("vae-image", options=own, **training).fit(X)
        else:
            self.density_ = _OfRows("vae", options=own, **training).fit(X)
            self._take_names()
        self.latent_use_ = self._use(X)
        tell_collapse(self.latent_use_)
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """A lower bound of the log-probability of each row or image in nats, `(rows,)`; see `estimate_log_prob`.

        Of rows the importance weighted bound with 16 draws, of images the mean over 16 draws.
        """
        X, fitted = self._given(X), self._fitted
        return fitted.score_samples(X, draws=16) if isinstance(fitted, ImageDensity) else fitted.score_samples(X)

    def score(  # pyright: ignore[reportIncompatibleMethodOverride]: the mixin's returns nothing
        self, X: Any, y: Any = None
    ) -> float:
        """Mean of `score_samples`."""
        return mean_score(self.score_samples(X), None)

    def estimate_log_prob(self, X: Any, k: int = 1000, random_state: int = 0) -> Evidence:
        """Log-probabilities with their errors in nats, by `k` draws of the latent variables for each row."""
        X = self._given(X)
        values = X.values if isinstance(X, Images) else self._rows(X)
        return estimate_log_prob(self.flow_, values, k=k, key=random_state)

    def sample(self, n_samples: int = 1, random_state: Any = None, temperature: float | None = None) -> np.ndarray:
        """Draw rows or images: latent variables from the prior, then data from the decoder."""
        return self._fitted.sample(n_samples, random_state, temperature)

    def encode(self, X: Any) -> np.ndarray:
        """The centre of the latent variables of each row or image, `(rows, latent)`."""
        return self._in_parts(_encoded, self._seen(self._given(X)))

    def decode(self, z: np.ndarray) -> np.ndarray:
        """The mean of the data given latent variables `(rows, latent)`: rows, or images of real grey values."""
        z = finite_latents(z)
        size = _parts_of(self.flow_).autoencoder.in_shape
        if z.ndim != 2 or z.shape[1:] != size:
            raise DataError(
                f"decode: needs latent variables of shape (rows, {size[0]}), got {z.shape}.", "see `encode`"
            )
        values = self._in_parts(_decoded, z)
        if isinstance(self._fitted, ImageDensity):
            return np.clip(values, 0, self._fitted.levels_ - 1)
        return _original(self._fitted._table_flow, values)

    def reconstruct(self, X: Any) -> np.ndarray:
        """`decode(encode(X))`."""
        return self.decode(self.encode(X))

    def interpolate(self, pair: Any, steps: int = 8, *, path: Path = "line") -> np.ndarray:
        """Data on the way from one row or image to another, `(steps, ...)`, both reconstructed ends included.

        Args:
            pair: Two rows or images.
            steps: At least 2.
            path: Of the latent variables, "line" or "sphere".
        """
        z = self.encode(pair)
        if len(z) != 2 or steps < 2:
            raise DataError(
                f"interpolate: needs 2 rows and 2 steps or more, got {len(z)} and {steps}.", "give both ends"
            )
        return self.decode(between(z[0], z[1], np.linspace(0.0, 1.0, steps), path))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to one `.safetensors` file, as `pushforward fit --flow vae` does."""
        self._fitted.save(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The model in a file, from `save` or from the shell.

        Raises:
            DataError: If it holds no variational autoencoder.
            FileError: If the file is missing, damaged or of a newer version.
        """
        density = load_estimator(path)
        if not isinstance(density, FlowDensity | ImageDensity) or latent_of(density.flow_) is None:
            raise DataError(f"{path}: holds no variational autoencoder.", "`load_estimator` loads any model")
        settings = {name: value for name, value in density.get_params(deep=False).items() if name in SHARED}
        options = dict(density.options or {})
        own = {name: options.pop(name) for name in ("latent", "posterior", "prior") if name in options}
        found = cls(**settings, **own, options=options or None)
        found.density_ = density
        found._take_names()
        return found

    @property
    def flow_(self) -> AbstractDistribution:
        """The fitted autoencoder."""
        return self._fitted.flow_

    @property
    def result_(self) -> FitResult:
        """How training went."""
        return self._fitted.result_

    @property
    def history_(self) -> tuple[Epoch, ...]:
        """One `Epoch` for each epoch."""
        return self._fitted.history_

    @property
    def _fitted(self) -> FlowDensity | ImageDensity:
        check_is_fitted(self, "density_")
        return self.density_

    def _html_repr(self) -> str:
        """What a notebook shows: scikit-learn's diagram, and what was fitted below it."""
        diagram = estimator_html_repr(self)
        if not hasattr(self, "density_"):
            return diagram
        use = vars(self).get("latent_use_")
        return diagram + fitted_html(self.density_.model_, [] if use is None else use.facts)

    def _take_names(self) -> None:
        """scikit-learn's attributes of a table."""
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.density_, name):
                setattr(self, name, getattr(self.density_, name))

    def _given(self, X: Any) -> Any:
        """Images as `Images`, rows as they are; a DataError for images where the model is of rows."""
        found = _as_images(X)
        if isinstance(found, Images) and not isinstance(self._fitted, ImageDensity):
            raise DataError("FlowVAE: the model is of rows, and these are images.", "give rows (rows, columns)")
        return found

    def _rows(self, X: Any) -> np.ndarray:
        if isinstance(self._fitted, ImageDensity):
            raise DataError("FlowVAE: the model is of images, and these are rows.", "give bytes (count, height, width)")
        return rows_to_score(self._fitted, X)

    def _seen(self, X: Any) -> np.ndarray:
        """Rows or images as the autoencoder sees them."""
        if isinstance(X, Images):
            return X.values
        units = self._fitted._table_flow.units if isinstance(self._fitted, FlowDensity) else None
        rows = self._rows(X)
        return rows if units is None else units.standard(rows)[0]

    @property
    def _inner(self) -> AbstractDistribution:
        """The autoencoder without the units of a table."""
        return self._fitted._table_flow.flow if isinstance(self._fitted, FlowDensity) else self._fitted.flow_

    def _in_parts(self, function: Any, values: np.ndarray) -> np.ndarray:
        parts = np.array_split(values, max(1, -(-len(values) // ROWS)))
        found = [np.asarray(function(self._inner, jnp.asarray(part, jnp.result_type(float)))) for part in parts]
        return np.concatenate(found)

    def _use(self, X: Any) -> LatentUse:
        seen = self._seen(X)
        seen = seen[np.random.default_rng(0).permutation(len(seen))[:LOOKED_AT]]
        found = self._in_parts(_divergences, seen).mean(axis=0)
        centres = self._in_parts(_encoded, seen)
        each = found[1:] if len(found) > 1 else None
        return LatentUse(float(found[0]), float(found[0]) / centres.shape[1], each, centres.var(axis=0) > ACTIVE)


SHARED = (
    *("learning_rate", "batch_size", "max_epochs", "patience", "validation", "ema", "weight_decay", "progress"),
    "random_state",
)
"""Settings that are those of the density as well."""


def _as_images(X: Any) -> Any:
    """Bytes with three or four axes as images, with two grey values if there are no others."""
    values = X if isinstance(X, np.ndarray) else None
    if values is None or values.ndim not in (3, 4):
        return X
    if not values.size:
        raise DataError(f"FlowVAE: there are no images, got an array of shape {values.shape}.", "give one or more")
    values = values[..., None] if values.ndim == 3 else values
    if values.dtype == bool or (values.dtype == np.uint8 and values.max() <= 1):
        return Images(values.astype(np.uint8), levels=2)
    if values.dtype != np.uint8:
        raise DataError(
            f"FlowVAE: images must be bytes, got {values.dtype}.", "give grey values 0 to 255, or 0 and 1, as `uint8`"
        )
    return Images(values)


@jax.jit
def _encoded(flow: AbstractDistribution, x: Array) -> Array:
    return jnp.moveaxis(_parts_of(flow).centre(jnp.moveaxis(x, 0, -1)), -1, 0)


@jax.jit
def _decoded(flow: AbstractDistribution, z: Array) -> Array:
    return jnp.moveaxis(_parts_of(flow).mean(jnp.moveaxis(z, 0, -1)), -1, 0)


@jax.jit
def _divergences(flow: AbstractDistribution, x: Array) -> Array:
    """Of each row that of all latent variables, and behind it those of each if they can be had, `(rows, 1 or more)`."""
    draw = drawn(_parts_of(flow), jnp.moveaxis(x, 0, -1), jax.random.key(0))
    of_all = (draw.log_posterior - draw.log_prior)[:, None]
    return of_all if draw.divergences is None else jnp.concatenate([of_all, draw.divergences.T], axis=1)


def _parts_of(flow: AbstractDistribution) -> Latent:
    latent = latent_of(flow)
    assert latent is not None  # a fit of anything else was refused
    return latent
