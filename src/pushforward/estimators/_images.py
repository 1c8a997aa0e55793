"""The density of images."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self, no_type_check

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from pushforward._errors import DataError, did_you_mean
from pushforward.data import Images
from pushforward.distributions import AbstractDistribution, Transformed
from pushforward.estimators._image_file import ImageFile, read_images_model, write_images
from pushforward.estimators._image_flows import check_latents, draw, drawing_flow, image_objective, image_recipe
from pushforward.estimators._training import key_from, training_of
from pushforward.estimators._walks import LatentWalks
from pushforward.objectives import bits_per_dim
from pushforward.train import FitResult, fit

CHUNK_CELLS = 2**18
"""Rows times numbers of an image that go through the flow at once."""


class ImageDensity(LatentWalks, BaseEstimator):
    """A density of images, learned by a normalizing flow of whole grey values.

    Args:
        flow: The name of an image flow in `pushforward.flows.RECIPES`.
        options: Of the recipe, such as `{"num_levels": 2, "num_steps": 8}`.
        conditional: Whether the flow is told the label of every image.
        flip: Whether training sees images mirrored left to right, half of the time.
        shift: Training sees images moved by up to so many pixels; the image is continued by its edge.
        drop_labels: Share of the labels that training leaves out, 0.1 for a model that is to be guided.
        learning_rate: Of Adam, at its highest; None for the flow's own, `RECIPES[flow].training`.
        batch_size: Images per step.
        max_epochs: Passes through the images at most; None for the flow's own.
        patience: Epochs without a better held-out loss before training ends; None for the flow's own.
        validation: Share of the images that is held out to find the best epoch; 0 or None for none.
        ema: Decay of a running mean of the parameters; None for the flow's own, 0 for none.
        checkpoint: A file to which training is saved every few seconds.
        resume: Go on from `checkpoint`; needs a whole number as `random_state`.
        callbacks: Called after every epoch, see `pushforward.fit`.
        progress: Whether to report on stderr.
        random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.

    Attributes:
        flow_: The fitted `Transformed`, from noise to images `(height, width, channels)` of grey values.
        levels_: How many grey values there are.
        labels_: Names of the labels, if the flow is conditional.
        result_: The `FitResult`.

    Example:
        >>> digits = pf.data.read_images("sklearn:digits")
        >>> small = {"num_levels": 1, "num_steps": 1, "width": 8}
        >>> model = pf.ImageDensity("glow", options=small, max_epochs=1, random_state=0).fit(digits)
        >>> model.sample(3, random_state=1).shape
        (3, 8, 8, 1)
    """

    flow_: Transformed
    levels_: int
    labels_: tuple[str, ...]
    result_: FitResult

    @no_type_check  # scikit-learn asks that everything is stored as it is, and refused by `fit` alone
    def __init__(
        self,
        flow: str = "glow",
        *,
        options: Mapping[str, Any] | None = None,
        conditional: bool = False,
        flip: bool = False,
        shift: int = 0,
        drop_labels: float = 0.0,
        learning_rate: float | None = None,
        batch_size: int | None = 64,
        max_epochs: int | None = None,
        patience: int | None = None,
        validation: float | None = 0.1,
        ema: float | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
        callbacks: Sequence[Callable[..., Any]] = (),
        progress: bool = False,
        random_state: Any = None,
    ):
        self.flow = flow
        self.options = options
        self.conditional = conditional
        self.flip = flip
        self.shift = shift
        self.drop_labels = drop_labels
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation = validation
        self.ema = ema
        self.checkpoint = checkpoint
        self.resume = resume
        self.callbacks = callbacks
        self.progress = progress
        self.random_state = random_state

    def fit(self, X: Images | np.ndarray, y: Any = None) -> Self:
        """Learn the density of images.

        Args:
            X: `Images`, or bytes `(count, height, width)` or `(count, height, width, channels)` with 256 grey values.
            y: `(count,)` labels of any kind; by default those of the `Images`.

        Raises:
            ValueError: If the images, the flow or a setting cannot be used.
        """
        images = as_images(X)
        build_key, fit_key = jax.random.split(key_from(self.random_state))
        labels = _labels_of(images, y) if self.conditional else None
        self.levels_ = images.levels
        self.labels_ = () if labels is None else tuple(str(name) for name in np.unique(labels))
        options = dict(self.options or {}) | {"grey_levels": images.levels}
        if self.labels_:
            options["cond_dim"] = len(self.labels_)
        flow = image_recipe(self.flow).build(images.shape, **options, key=build_key)
        self.result_ = fit(
            flow,
            images.values,
            condition=None if labels is None else self._one_hot(labels),
            objective=image_objective(self),
            **training_of(self.flow, self.get_params(deep=False)),
            batch_size=self.batch_size,
            validation=self.validation,
            checkpoint=self.checkpoint,
            resume=self.resume,
            callbacks=tuple(self.callbacks),
            progress=self.progress,
            key=fit_key,
        )
        self.flow_ = self.result_.flow  # pyright: ignore[reportAttributeAccessIssue]
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        height, width, channels = self.flow_.event_shape
        return height, width, channels

    def score_samples(self, X: Images | np.ndarray, y: Any = None, *, draws: int = 1) -> np.ndarray:
        """A lower bound of the log-probability of every image in nats, `(count,)`: the mean over noise draws.

        Args:
            X: Images of the shape and levels that the model was fitted to.
            y: Labels, for a conditional model; by default those of the `Images`.
            draws: Draws of the noise that makes grey values continuous; the same for every call.
        """
        values, condition = self._checked(X, y)
        keys = jax.random.split(jax.random.key(0), draws)
        each = [self._in_chunks(_log_prob, values, condition, key=key) for key in keys]
        return np.stack(each).astype(np.float64).mean(axis=0)

    def bits_per_dim(self, X: Images | np.ndarray, y: Any = None, *, draws: int = 4) -> np.ndarray:
        """Bits for each number of an image, `(count,)`: an upper bound, less is better; see `score_samples`."""
        return np.asarray(bits_per_dim(self.score_samples(X, y, draws=draws), self.shape))

    def score(self, X: Images | np.ndarray, y: Any = None) -> float:
        """Mean of `score_samples`."""
        return float(self.score_samples(X, y).mean())

    def sample(
        self,
        n_samples: int = 1,
        random_state: Any = None,
        temperature: float | None = None,
        y: Any = None,
        *,
        guidance: float = 0.0,
        denoised: bool | None = None,
    ) -> np.ndarray:
        """Draw images, `(n_samples, height, width, channels)` of grey values from 0 to `levels_ - 1`.

        Where a draw overflows, as some do early in training, the pixel is black.

        Args:
            n_samples: How many.
            random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.
            temperature: Scale of the noise, from N(0, T**2); 0.7 gives likelier images, None or 1 the model itself.
            y: For a conditional model: one label for all, or one for each.
            guidance: Above 0, samples show more of what sets their label apart; see `flows.guided`.
            denoised: Whether Gaussian noise is taken away, see `flows.denoise`; None for yes where there is some.
        """
        check_is_fitted(self)
        if temperature is not None and not 0 <= temperature < np.inf:
            raise DataError(f"images: `temperature` must be at least 0 and finite, got {temperature}.", "0.7 is usual")
        condition = self._conditions(y, n_samples)
        key, led = key_from(random_state), drawing_flow(self.flow_, guidance, self.drop_labels)
        pieces, how = [], {"temperature": temperature, "denoised": denoised}
        for number, rows in enumerate(self._chunks(n_samples)):
            chunk_key, given = jax.random.fold_in(key, number), None if condition is None else condition[rows]
            pieces.append(draw(led, self.flow_, chunk_key, rows.stop - rows.start, given, **how))
        return self._bytes(np.concatenate(pieces))

    def encode(self, X: Images | np.ndarray, y: Any = None) -> np.ndarray:
        """The latent vectors of images, `(count, size)`, at the middle of every grey value."""
        values, condition = self._checked(X, y)
        check_latents(self.flow_)
        return self._in_chunks(_encode, values, condition)

    def decode(self, z: np.ndarray, y: Any = None) -> np.ndarray:
        """The images of latent vectors, `(count, height, width, channels)` of grey values."""
        check_is_fitted(self)
        check_latents(self.flow_)
        z = np.asarray(z, np.float32).reshape(len(z), *self.flow_.base.event_shape)
        return self._bytes(self._in_chunks(_decode, z, self._conditions(y, len(z))))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to one `.safetensors` file, whole or not at all.

        Raises:
            FileError: If it cannot be written.
        """
        check_is_fitted(self)
        params = self.get_params(deep=False)
        write_images(path, ImageFile(self.flow_, self.levels_, self.labels_, self.flow, params, self.result_))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The model in a file from `save`; it scores and samples with the same bits.

        Raises:
            FileError: If the file is missing, damaged, of a newer version, or holds something else.
        """
        file = read_images_model(path)
        model = cls(**file.params)
        model.flow_ = file.flow  # pyright: ignore[reportAttributeAccessIssue]
        model.levels_, model.labels_, model.result_ = file.levels, file.labels, file.result
        return model

    def _checked(self, X: Images | np.ndarray, y: Any) -> tuple[np.ndarray, np.ndarray | None]:
        check_is_fitted(self)
        images = as_images(X)
        if images.shape != self.shape:
            raise DataError(
                f"images: the model has images of shape {self.shape} (height, width, channels), got {images.shape}.",
                f"bring them to its size with `--resize {self.shape[0]}x{self.shape[1]}` (in Python: `resize=`)",
            )
        if images.levels > self.levels_:
            raise DataError(
                f"images: the model has {self.levels_} grey values, got images of {images.levels}.",
                _fewer(self.levels_),
            )
        labels = _labels_of(images, y) if self.labels_ else None
        return images.values, None if labels is None else self._one_hot(labels)

    def _conditions(self, y: Any, count: int) -> np.ndarray | None:
        if not self.labels_:
            if y is not None:
                raise DataError("images: got labels, but the model is not conditional.", "leave them out")
            return None
        if y is None:
            raise DataError("images: the model is conditional on a label.", f"give one of {', '.join(self.labels_)}")
        labels = np.asarray(y)
        return self._one_hot(np.broadcast_to(labels, (count,)) if labels.ndim == 0 else labels)

    def _one_hot(self, labels: Any) -> np.ndarray:
        names = [str(label) for label in labels]
        for name in dict.fromkeys(names):
            if name not in self.labels_:
                raise DataError(f"images: the model knows no label {name!r}.", did_you_mean(name, self.labels_))
        places = np.array([self.labels_.index(name) for name in names])
        return np.eye(len(self.labels_), dtype=np.float32)[places]

    def _bytes(self, x: np.ndarray) -> np.ndarray:
        return np.clip(np.nan_to_num(x), 0, self.levels_ - 1).astype(np.uint8)

    def _chunks(self, count: int) -> Iterator[slice]:
        size = max(CHUNK_CELLS // int(np.prod(self.shape)), 1)
        return (slice(start, min(start + size, count)) for start in range(0, count, size))

    def _in_chunks(self, function: Callable[..., Array], rows: np.ndarray, given: Any, key: Any = None) -> np.ndarray:
        pieces = []
        for number, chunk in enumerate(self._chunks(len(rows))):
            chunk_key = None if key is None else jax.random.fold_in(key, number)
            x = jnp.asarray(rows[chunk], jnp.result_type(float))
            pieces.append(np.asarray(function(self.flow_, x, None if given is None else given[chunk], chunk_key)))
        return np.concatenate(pieces)


def as_images(x: Images | np.ndarray) -> Images:
    """An array of bytes as `Images` of 256 grey values.

    Raises:
        DataError: If it is not an array of images.
    """
    if isinstance(x, Images):
        return x
    values = np.asarray(x)
    values = values[..., None] if values.ndim == 3 else values
    if values.ndim != 4 or values.dtype != np.uint8 or not len(values):
        raise DataError(
            f"images: needs bytes of shape (count, height, width[, channels]), got {values.dtype} of {np.shape(x)}.",
            "read them with `pushforward.data.read_images`, or save 8 bits as `uint8`",
        )
    return Images(values)


def _fewer(levels: int) -> str:
    bits = levels.bit_length() - 1
    if levels == 2**bits:
        return f"read them with `--bits {bits}` (in Python: `bits={bits}`)"
    return f"give `Images` whose values end at {levels - 1}, with `levels={levels}`"


def _labels_of(images: Images, y: Any) -> np.ndarray:
    if y is not None:
        labels = np.asarray(y)
    elif images.labels is not None:
        labels = np.asarray(images.label_names)[images.labels]
    else:
        raise DataError(
            "images: a conditional model needs labels.",
            "put the images of each of two or more labels in a subfolder, store `y` beside `x` in a .npz, or give `y`",
        )
    if labels.shape != (len(images),):
        raise DataError(f"images: {len(images)} images, but labels of shape {labels.shape}.", "give one for each image")
    return labels


@jax.jit
def _log_prob(flow: AbstractDistribution, x: Array, condition: Array | None, key: Any) -> Array:
    return flow.log_prob(x, condition, key=key)


@jax.jit
def _encode(flow: Transformed, x: Array, condition: Array | None, key: Any) -> Array:
    given = None if condition is None else condition.T
    return jnp.moveaxis(flow.bijection._inverse_many(jnp.moveaxis(x, 0, -1), given, key)[0], -1, 0)


@jax.jit
def _decode(flow: Transformed, z: Array, condition: Array | None, key: Any) -> Array:
    given = None if condition is None else condition.T
    return jnp.moveaxis(flow.bijection._forward_many(jnp.moveaxis(z, 0, -1), given, key)[0], -1, 0)
