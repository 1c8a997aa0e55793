"""Walks through the latent space of an image model: between images, and along an attribute."""

import abc
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pushforward._errors import DataError
from pushforward.data import Images
from pushforward.distributions import Transformed
from pushforward.distributions._latent import latent_of
from pushforward.modalities._learn import key_from
from pushforward.modalities._states import states
from pushforward.modalities._walk import Path, between
from pushforward.modalities.image._layers import Layers, shaded


class LatentWalks(abc.ABC):
    """What can be done with any model that encodes images as latent vectors and decodes them."""

    @property
    @abc.abstractmethod
    def flow_(self) -> Transformed:
        """The fitted flow."""

    @property
    @abc.abstractmethod
    def levels_(self) -> int:
        """How many grey values there are."""

    @abc.abstractmethod
    def encode(self, X: Any, y: Any = None) -> np.ndarray:
        """The latent vectors of images."""

    @abc.abstractmethod
    def decode(self, z: np.ndarray, y: Any = None) -> np.ndarray:
        """The images of latent vectors."""

    @abc.abstractmethod
    def _conditions(self, y: Any, count: int) -> np.ndarray | None:
        """`(count, cond_dim)` for labels, or None for a model without."""

    def layers(
        self,
        n_samples: int = 6,
        columns: int = 8,
        random_state: Any = None,
        temperature: float | None = None,
        y: Any = None,
    ) -> Layers:
        """Samples on their way from noise to images, after some of the layers.

        Numbers that a layer has not reached yet, in a flow of several scales, are shown as their noise.

        Args:
            n_samples: How many.
            columns: How many states of each, at least 2: the noise, the image, and others evenly spread between them.
            random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.
            temperature: Scale of the noise.
            y: For a conditional model: one label for all, or one for each.

        Returns:
            The pictures and the names of the states. The noise is that of `sample` with the same seed.

        Raises:
            DataError: If there are too few samples or columns, or labels that do not fit.
        """
        if n_samples < 1 or columns < 2:
            raise DataError(
                f"layers: needs 1 sample and 2 columns or more, got {n_samples} and {columns}.", "ask for more"
            )
        if latent_of(self.flow_) is not None:
            raise DataError(
                "layers: the latent vector of an autoencoder is no picture on its way to another.",
                "look at `--what reconstructions`, or at `interpolate`",
            )
        given = self._conditions(y, n_samples)
        base_key = jax.random.split(jax.random.fold_in(key_from(random_state), 0))[1]
        base = self.flow_.base
        seen = (n_samples, None) if base.cond_shape is None else ((), given)
        z = jnp.moveaxis(base.sample(base_key, *seen, temperature=temperature), 0, -1)
        *before, (_, last) = states(self.flow_.bijection, z, None if given is None else jnp.asarray(given.T), columns)
        shades = [shaded(np.asarray(values), self.levels_) for _, values in before]
        grey = np.clip(np.asarray(last), 0, self.levels_ - 1)
        names = ["noise", *(f"layer {number}" for number, _ in before[1:]), "image"]
        return Layers(np.stack([*shades, grey], axis=1), tuple(names))

    def interpolate(self, pair: Images | np.ndarray, steps: int = 8, *, path: Path = "sphere", y: Any = None) -> Any:
        r"""Images on the way from one to another, both ends included.

        On the sphere the angle grows evenly, $z = (\sin((1-t)\omega)\,z_1 + \sin(t\omega)\,z_2) / \sin\omega$ with the
        angle $\omega$ between them, so that the length of $z$ stays that of typical noise; a line passes nearer to 0.

        Args:
            pair: Two images.
            steps: How many images, at least 2.
            path: "sphere" or "line".
            y: Labels of both, for a conditional model; the way is decoded with the first.

        Returns:
            `(steps, height, width, channels)` grey values.

        Raises:
            DataError: If there are not two images, or too few steps.
        """
        z = self.encode(pair, y)
        if len(z) != 2 or steps < 2:
            raise DataError(
                f"interpolate: needs 2 images and 2 steps or more, got {len(z)} and {steps}.", "give both ends"
            )
        way = between(z[0], z[1], np.linspace(0.0, 1.0, steps), path)
        return self.decode(way, None if y is None else y[0])

    def interpolate_four(self, corners: Images | np.ndarray, rows: int = 6, columns: int = 6, y: Any = None) -> Any:
        r"""A sheet between four images.

        $z = \cos\phi\,(z_1\cos\phi' + z_2\sin\phi') + \sin\phi\,(z_3\cos\phi' + z_4\sin\phi')$.

        Args:
            corners: Four images: upper left, upper right, lower left, lower right.
            rows: Angles $\phi$ from 0 to 90 degrees.
            columns: Angles $\phi'$ from 0 to 90 degrees.
            y: Labels of the four, for a conditional model; the sheet is decoded with the first.

        Returns:
            `(rows, columns, height, width, channels)` grey values.

        Raises:
            DataError: If there are not four images.

        Reference:
            Dinh, Sohl-Dickstein & Bengio (2017), Density estimation using Real NVP, eq. 19.
        """
        z = self.encode(corners, y)
        if len(z) != 4:
            raise DataError(f"interpolate_four: needs 4 images, got {len(z)}.", "give the four corners of the sheet")
        angles = [np.linspace(0.0, np.pi / 2, count) for count in (rows, columns)]
        down, across = (angle[:, None] for angle in np.meshgrid(*angles, indexing="ij"))
        down, across = down.reshape(-1, 1), across.reshape(-1, 1)
        upper = z[0] * np.cos(across) + z[1] * np.sin(across)
        lower = z[2] * np.cos(across) + z[3] * np.sin(across)
        images = self.decode(np.cos(down) * upper + np.sin(down) * lower, None if y is None else y[0])
        return images.reshape(rows, columns, *images.shape[1:])

    def attribute(self, X: Images | np.ndarray, has: np.ndarray, y: Any = None) -> np.ndarray:
        """The direction of an attribute: the mean latent of images that have it, less that of the others.

        Args:
            X: Images.
            has: `(count,)` truth values.
            y: Labels, for a conditional model.

        Returns:
            `(size,)`; `decode(encode(X) + amount * direction)` moves images along it.

        Raises:
            DataError: If all images have it, or none, or `has` is no truth values.

        Reference:
            Kingma & Dhariwal (2018), Glow, section 6.
        """
        if not np.isin(has, [0, 1]).all():
            raise DataError("attribute: `has` must be truth values.", "such as `labels == 3`")
        has = np.asarray(has, bool)
        z = self.encode(X, y)
        if has.shape != (len(z),) or has.all() or not has.any():
            raise DataError(
                f"attribute: {int(has.sum())} of {len(z)} images have it.", "give images with it and images without"
            )
        return z[has].mean(axis=0) - z[~has].mean(axis=0)


def nearest(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each image the number of the one among `others` at the least squared distance, `(count,)`."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    best, found = np.full(len(images), np.inf), np.zeros(len(images), int)
    for start in range(0, len(others), ROWS):
        block = others[start : start + ROWS].reshape(-1, flat.shape[1]).astype(np.float32)
        distances = (flat**2).sum(axis=1)[:, None] - 2 * flat @ block.T + (block**2).sum(axis=1)
        least = distances.argmin(axis=1)
        closer = distances[np.arange(len(flat)), least] < best
        best = np.where(closer, distances[np.arange(len(flat)), least], best)
        found = np.where(closer, start + least, found)
    return found


ROWS = 4096
