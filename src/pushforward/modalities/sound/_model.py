"""What a fitted model of sound can do: score, draw, encode and decode."""

import abc
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array

from pushforward._errors import DataError
from pushforward.data.sound._clips import Clips
from pushforward.distributions import AbstractDistribution, Transformed
from pushforward.modalities._draws import num_draws
from pushforward.modalities._learn import key_from
from pushforward.modalities._model import Model
from pushforward.modalities._walk import decoded, encoded, finite_latents
from pushforward.modalities.sound._facts import SoundFacts
from pushforward.modalities.sound._flow import at_length, unit
from pushforward.modalities.sound._pieces import pieces, uniform
from pushforward.modalities.sound._prepare import frames_of, labels_of
from pushforward.modalities.sound._reach import reach
from pushforward.modalities.sound._synthesis import draws_in_order, draws_in_pieces, noise, parts

PIECE = 2**16
"""Samples that go through the flow at once."""
GRID = 256
"""Samples of which the scored part of a clip is a multiple, so that few lengths are compiled."""


class ClipScores(NamedTuple):
    """How likely clips are.

    Attributes:
        log_prob: `(clips,)` nats, a lower bound in the mean over noise draws.
        samples: `(clips,)`, how many samples of each were scored: the last ones that do not fill a grid are not.
    """

    log_prob: np.ndarray
    samples: np.ndarray

    @property
    def nats_per_sample(self) -> np.ndarray:
        """`log_prob` for one sample, `(clips,)`."""
        return self.log_prob / self.samples


class SoundMethods(abc.ABC):
    """The methods of whatever holds a fitted model of sound."""

    @property
    @abc.abstractmethod
    def _fitted(self) -> Model:
        """The model."""

    @property
    def flow_(self) -> Transformed:
        """The fitted flow, from noise to segments `(length,)` of whole numbers."""
        return self._fitted.flow  # pyright: ignore[reportReturnType]: `whole_numbers` gives nothing else

    @property
    def facts_(self) -> SoundFacts:
        """Rate, bits, labels and spectrograms."""
        return self._fitted.facts

    @property
    def labels_(self) -> tuple[str, ...]:
        """Names of the labels, if the flow is conditional on them."""
        return self.facts_.labels

    def score_clips(self, X: Clips, y: Any = None, *, draws: int = 1) -> ClipScores:
        """A lower bound of the log-probability of the whole numbers of every clip, of any length.

        Args:
            X: Clips of the rate and bits of the model.
            y: Labels, for a model conditional on them; by default those of the clips.
            draws: Draws of the noise that makes whole numbers continuous; the same for every call.

        Raises:
            DataError: If the clips are of another rate, or too short.
        """
        self._check(X)
        labels = labels_of(X, y) if self.labels_ else None
        found = [self._score(wave, None if labels is None else labels[i], draws) for i, wave in enumerate(X.waves)]
        log_probs, samples = zip(*found, strict=True)
        return ClipScores(np.array(log_probs), np.array(samples))

    def sample(
        self,
        n_samples: int = 1,
        random_state: Any = None,
        temperature: float | None = None,
        y: Any = None,
        *,
        length: int | None = None,
        like: np.ndarray | None = None,
        match: int | None = None,
    ) -> np.ndarray:
        """Draw clips, `(n_samples, length)` of whole numbers.

        Args:
            n_samples: How many.
            random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.
            temperature: Scale of the noise; 0.6 to 0.8 is usual for speech, None or 1 the model itself.
            y: For a model conditional on labels: one label for all, or one for each.
            length: Samples of a clip; by default those of a segment in training, or of `like`.
            like: `(samples,)` whole numbers whose spectrogram is given to a model conditional on one.
            match: Rounds that bring the bands of every clip to that spectrogram, 10 are usual; None for a draw of the
                density as it is. See `pushforward.data.Mel.bring`.

        Raises:
            DataError: If a label or a spectrogram is missing, or not known, or there is none to match.
        """
        n_samples = num_draws(n_samples, temperature, still=True, usual="0.8 is usual")
        count = (self.facts_.length if like is None else len(like)) if length is None else length
        if count < 1:
            raise DataError(f"sound: a clip has at least one sample, got length={count}.", "leave it out")
        bring = None if match is None else self._bringing(like, count, match)
        key, fitted = key_from(random_state), self._up(count)
        if fitted > 2 * PIECE and draws_in_pieces(self.flow_.base):
            drawn = self._long(n_samples, _seed(key), temperature, y, count, like)
        else:
            condition = self.condition(y, like, fitted, n_samples)
            shape = n_samples if condition is None else ()
            real = self.at(fitted).sample(key, shape, condition, temperature=temperature)
            drawn = self._whole(np.asarray(real)[:, :count])
        return drawn if bring is None else np.stack([bring(wave) for wave in drawn])

    def _bringing(self, like: np.ndarray | None, count: int, rounds: int) -> Callable[[np.ndarray], np.ndarray]:
        """What brings a clip of so many samples to the bands of `like`."""
        facts = self.facts_
        if facts.mel is None:
            raise DataError(
                "sound: there is no spectrogram to match, as the model is not conditional on one.",
                "leave out `--match` (in Python: `match`), or fit a vocoder with `--mel` (in Python: `mel=True`)",
            )
        frames = frames_of(_there(like), facts, 0, count)
        return partial(facts.mel.bring, frames=frames, rounds=rounds, full=facts.full)

    def _long(
        self, n_samples: int, seed: int, temperature: float | None, y: Any, count: int, like: np.ndarray | None
    ) -> np.ndarray:
        """Clips that are drawn in pieces."""
        drawn, scale = np.empty((n_samples, count), np.int16), 1.0 if temperature is None else temperature
        margin = self._up(reach(self.flow_.base))
        labels = None if y is None else np.broadcast_to(np.asarray(y), (n_samples,))
        for number in range(n_samples):
            label = None if labels is None else labels[number]
            before = np.zeros(0, np.float32)
            for part in parts(self._up(count), self._up(PIECE), margin, ahead=not draws_in_order(self.flow_.base)):
                length, at = part.stop - part.start, part.start + part.kept.start
                flow, given = self.at(length), self.condition(label, like, length, 1, part.start)
                z = scale * noise(flow, seed + number, part.start, part.stop)[None]
                if draws_in_order(flow):
                    known = np.pad(before[len(before) - part.kept.start :], (0, length - part.kept.start))
                    z[:, : part.kept.start] = np.asarray(encoded(flow, known[None], given))[:, : part.kept.start]
                real = np.asarray(decoded(flow, z, given))[0, part.kept]
                before = np.concatenate([before, real])[-margin:]
                drawn[number, at : at + len(real)] = self._whole(real)[: count - at]
        return drawn

    def encode(self, wave: np.ndarray, y: Any = None) -> np.ndarray:
        """The latent vector of a clip, at the middle of every whole number; its last samples may be left out."""
        wave = wave[: self._down(len(wave))]
        given = self.condition(y, wave, len(wave), 1)
        at = (wave[None].astype(np.float32) + 0.5) / self.facts_.scale
        return np.asarray(encoded(self.at(len(wave)), at, given))[0]

    def decode(self, z: np.ndarray, length: int, y: Any = None, like: np.ndarray | None = None) -> np.ndarray:
        """The clips of latent vectors, `(count, length)` of whole numbers."""
        z = finite_latents(z)
        given = self.condition(y, like, length, len(z))
        return self._whole(np.asarray(decoded(self.at(length), z, given)))

    def _score(self, wave: np.ndarray, label: Any, draws: int) -> tuple[float, int]:
        count, total = self._down(len(wave)), 0.0
        margin = self._up(2 * reach(self.flow_.base) + 1)
        size = max(PIECE // margin, 4) * margin
        for piece in pieces(count, size, margin):
            given = self.condition(label, wave, piece.stop - piece.start, 1, piece.start)
            flow, x = self.at(piece.stop - piece.start), np.asarray(wave[piece.start : piece.stop], np.float32)
            for draw in range(draws):
                at = (x + uniform(draw, piece.start, piece.stop)) / np.float32(self.facts_.scale)
                total += piece.sign * float(_log_prob(flow, at[None], given)[0]) / draws
        return total - count * float(np.log(self.facts_.scale)), count

    def at(self, length: int) -> Transformed:
        """The flow of real numbers at a length."""
        return at_length(self.flow_.base, self._fitted.recipe, self.facts_, length)  # pyright: ignore[reportReturnType]

    def _down(self, count: int) -> int:
        """The largest length up to this that the flow takes, on the grid if it is long enough."""
        multiple = unit(self._fitted.recipe, self.facts_)
        grid = int(np.lcm(multiple, GRID))
        fitting = count // grid * grid or count // multiple * multiple
        if not fitting:
            raise DataError(
                f"sound: a clip of {count:,} samples is too short: the flow takes multiples of {multiple:,}.",
                "give longer clips",
            )
        return fitting

    def _up(self, count: int) -> int:
        multiple = unit(self._fitted.recipe, self.facts_)
        return -(-count // multiple) * multiple

    def condition(
        self, labels: Any, like: np.ndarray | None, length: int, count: int, start: int = 0
    ) -> np.ndarray | None:
        """What the flow is given for sounds of a length, with the spectrogram of `like` from a sample on."""
        facts = self.facts_
        if facts.mel is None:
            return facts.conditions(labels, None, count)
        frames = frames_of(_there(like), facts, start, length)
        return facts.conditions(labels, np.broadcast_to(frames, (count, *frames.shape)), count)

    def _whole(self, x: np.ndarray) -> np.ndarray:
        """Real numbers as whole ones within full scale."""
        full = self.facts_.full
        return np.clip(np.floor(np.nan_to_num(x * self.facts_.scale)), -full, full - 1).astype(np.int16)

    def _check(self, clips: Clips) -> None:
        facts = self.facts_
        if clips.rate != facts.rate:
            raise DataError(
                f"sound: the model has {facts.rate:,} samples a second, got clips of {clips.rate:,}.",
                f"bring them to its rate with `--rate {facts.rate}` (in Python: `rate={facts.rate}`)",
            )
        if clips.bits != facts.bits:
            raise DataError(
                f"sound: the model has samples of {facts.bits} bits, got clips of {clips.bits}.",
                f"read them with `--bits {facts.bits}` (in Python: `bits={facts.bits}`)",
            )


@dataclass(frozen=True)
class SoundModel(SoundMethods):
    """A fitted model of sound, as commands use it."""

    model: Model

    @property
    def _fitted(self) -> Model:
        return self.model


@jax.jit
def _log_prob(flow: AbstractDistribution, x: Array, condition: Array | None) -> Array:
    return flow.log_prob(x, condition)


def _there(like: np.ndarray | None) -> np.ndarray:
    """The clip whose spectrogram is asked for."""
    if like is None:
        raise DataError(
            "sound: the model is conditional on a spectrogram.",
            "give the clip to take it from: `--like clip.wav` (in Python: `like=`)",
        )
    return like


def _seed(key: Array) -> int:
    """A seed for NumPy from a key."""
    return int(jax.random.randint(key, (), 0, 2**31 - 1))
