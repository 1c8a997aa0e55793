"""What a fitted model of images can do: score, draw, encode and decode."""

import abc
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pushforward._errors import DataError
from pushforward.data import Images
from pushforward.distributions import AbstractDistribution, Transformed
from pushforward.modalities._draws import num_draws
from pushforward.modalities._labels import one_hot
from pushforward.modalities._learn import key_from
from pushforward.modalities._model import Model
from pushforward.modalities._walk import decoded, encoded, finite_latents
from pushforward.modalities.image._arrays import as_images, fewer, labels_of
from pushforward.modalities.image._flow import check_latents, draw, drawing_flow
from pushforward.modalities.image._walks import LatentWalks
from pushforward.objectives import bits_per_dim

CHUNK_CELLS = 2**18
"""Rows times numbers of an image that go through the flow at once."""


class ImageMethods(LatentWalks):
    """The methods of whatever holds a fitted model of images."""

    @property
    @abc.abstractmethod
    def _fitted(self) -> Model:
        """The model."""

    @property
    def flow_(self) -> Transformed:
        """The fitted flow, from noise to images `(height, width, channels)` of grey values."""
        return self._fitted.flow  # pyright: ignore[reportReturnType]: recipes of images give nothing else

    @property
    def levels_(self) -> int:
        """How many grey values there are."""
        return self._fitted.facts.levels

    @property
    def labels_(self) -> tuple[str, ...]:
        """Names of the labels, if the flow is conditional."""
        return self._fitted.facts.labels

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
        n_samples = num_draws(n_samples, temperature, still=True, usual="0.7 is usual")
        condition = self._conditions(y, n_samples)
        key, led = key_from(random_state), drawing_flow(self.flow_, guidance, self._fitted.settings["drop_labels"])
        pieces, how = [], {"temperature": temperature, "denoised": denoised}
        for number, rows in enumerate(self._chunks(n_samples)):
            chunk_key, given = jax.random.fold_in(key, number), None if condition is None else condition[rows]
            pieces.append(draw(led, self.flow_, chunk_key, rows.stop - rows.start, given, **how))
        return self._bytes(np.concatenate(pieces))

    def encode(self, X: Images | np.ndarray, y: Any = None) -> np.ndarray:
        """The latent vectors of images, `(count, size)`, at the middle of every grey value."""
        values, condition = self._checked(X, y)
        check_latents(self.flow_)
        return self._in_chunks(encoded, values, condition)

    def decode(self, z: np.ndarray, y: Any = None) -> np.ndarray:
        """The images of latent vectors, `(count, height, width, channels)` of grey values."""
        check_latents(self.flow_)
        z, event = finite_latents(z), self.flow_.base.event_shape
        if z.shape[1:] not in (event, (math.prod(event),)):
            raise DataError(
                f"decode: needs latent vectors of {math.prod(event)} numbers, got {z.shape}.", "see `encode`"
            )
        z = z.reshape(len(z), *event)
        return self._bytes(self._in_chunks(decoded, z, self._conditions(y, len(z))))

    def checked(self, X: Images | np.ndarray) -> Images:
        """Images that the model can score.

        Raises:
            DataError: If there are none, or their size or their levels are others.
        """
        images = as_images(X)
        if not len(images):
            raise DataError("images: there are none.", "give one or more")
        if images.shape != self.shape:
            raise DataError(
                f"images: the model has images of shape {self.shape} (height, width, channels), got {images.shape}.",
                f"bring them to its size with `--resize {self.shape[0]}x{self.shape[1]}` (in Python: `resize=`)",
            )
        if images.levels > self.levels_:
            raise DataError(
                f"images: the model has {self.levels_} grey values, got images of {images.levels}.",
                fewer(self.levels_),
            )
        return images

    def _checked(self, X: Images | np.ndarray, y: Any) -> tuple[np.ndarray, np.ndarray | None]:
        images = self.checked(X)
        labels = labels_of(images, y) if self.labels_ else None
        return images.values, None if labels is None else one_hot(labels, self.labels_, "images")

    def _conditions(self, y: Any, count: int) -> np.ndarray | None:
        if not self.labels_:
            if y is not None:
                raise DataError("images: got labels, but the model is not conditional.", "leave them out")
            return None
        if y is None:
            raise DataError("images: the model is conditional on a label.", f"give one of {', '.join(self.labels_)}")
        labels = np.asarray(y)
        return one_hot(np.broadcast_to(labels, (count,)) if labels.ndim == 0 else labels, self.labels_, "images")

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


@dataclass(frozen=True)
class ImageModel(ImageMethods):
    """A fitted model of images, as commands use it."""

    model: Model

    @property
    def _fitted(self) -> Model:
        return self.model


@jax.jit
def _log_prob(flow: AbstractDistribution, x: Array, condition: Array | None, key: Any) -> Array:
    return flow.log_prob(x, condition, key=key)
