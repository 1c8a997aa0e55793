"""Mel spectrograms: how loud a sound is, by time and by bands that are even in pitch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np

from pushforward._errors import DataError, did_you_mean

FLOOR = 1e-5
"""Magnitudes below are taken as this before the logarithm."""
KNEE = 1000.0
"""Hertz up to which the mel scale is a line."""
STEP = 200.0 / 3.0
"""Hertz of one mel up to the knee."""
LOG_STEP = np.log(6.4) / 27.0
"""Natural logarithm of the ratio of two pitches that are one mel apart, above the knee."""
PIECE = 2048
"""Frames that are brought to a spectrogram at once."""
MOST = 3.0
"""Nats by which a band changes in one round, at most."""
LITTLE = 1e-3
"""Weight of the sound as it was, so that samples at the ends of all frames that hold them stay bounded."""


@dataclass(frozen=True)
class Mel:
    """How log-mel spectrograms are made; the defaults are those of Tacotron 2 and WaveGlow.

    Frame `f` is centred at sample `f * hop`; the sound is continued by its mirror image. Magnitudes, not powers, of
    frames in a Hann window go through triangles of area 1 on Slaney's scale, and the natural logarithm of what is at
    least 1e-5 is taken.

    Args:
        rate: Samples a second of the sound.
        frame: Samples of a frame.
        hop: Samples from one frame to the next.
        bands: How many.
        low: Where the lowest begins, in hertz.
        high: Where the highest ends, in hertz; None for 8,000, or half of `rate` if that is less.

    Raises:
        DataError: If a size is not positive, the limits are no interval, or a band is so narrow that it holds no
            frequency.

    Example:
        >>> Mel(rate=8000, frame=256, hop=64, bands=20)(np.sin(np.arange(640) / 3)).shape
        (10, 20)

    Reference:
        Shen et al. (2018), Natural TTS synthesis by conditioning WaveNet on mel spectrogram predictions; Prenger, Valle
        & Catanzaro (2019), WaveGlow, section 3.
    """

    rate: int = 22050
    frame: int = 1024
    hop: int = 256
    bands: int = 80
    low: float = 0.0
    high: float | None = None

    def __post_init__(self):
        if min(self.rate, self.frame, self.hop, self.bands) < 1:
            raise DataError("mel: rate, frame, hop and bands must be at least 1.", "leave them out for WaveGlow's")
        if not 0 <= self.low < self.top <= self.rate / 2:
            raise DataError(
                f"mel: the bands go from {self.low:g} to {self.top:g} hertz, beyond 0 to {self.rate / 2:g}.",
                "choose limits within half of the rate",
            )
        if not (self.filters().max(axis=1) > 0).all():
            raise DataError(
                f"mel: {self.bands} bands are too many for frames of {self.frame}: some hold no frequency.",
                "choose fewer bands or longer frames",
            )

    @property
    def top(self) -> float:
        """Where the highest band ends, in hertz."""
        return min(8000.0, self.rate / 2) if self.high is None else self.high

    @classmethod
    def of(cls, rate: int, said: Mapping[str, Any]) -> Self:
        """From what a user says of it.

        Raises:
            DataError: If there is no such setting.
        """
        known = [field.name for field in fields(cls) if field.name != "rate"]
        for name in said:
            if name not in known:
                raise DataError(f"mel: no setting {name!r}.", did_you_mean(name, known))
        return cls(rate=rate, **said)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def frames(self, samples: int) -> int:
        """Frames of a sound: one for each `hop` samples that have begun."""
        return -(-samples // self.hop)

    def filters(self) -> np.ndarray:
        """What each band hears of each frequency, `(bands, frame // 2 + 1)`."""
        corners = _hertz(np.linspace(_mels(self.low), _mels(self.top), self.bands + 2))
        at = np.arange(self.frame // 2 + 1) * (self.rate / self.frame)
        width = np.diff(corners)
        rising = (at - corners[:-2, None]) / width[:-1, None]
        falling = (corners[2:, None] - at) / width[1:, None]
        return np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (corners[2:] - corners[:-2]))[:, None]

    def __call__(self, wave: np.ndarray, first: int = 0, last: int | None = None, *, full: float = 1.0) -> np.ndarray:
        """The log-mel spectrogram of a sound, or its frames from `first` to before `last`.

        Args:
            wave: `(samples,)`.
            first: The first frame.
            last: The frame behind the last one; None for all.
            full: What full scale is: 1 for floats, 32768 for whole numbers of 16 bits.

        Returns:
            `(frames, bands)` natural logarithms, in float32.
        """
        last = self.frames(len(wave)) if last is None else last
        pieces = [self._some(wave, start, min(start + 4096, last), full) for start in range(first, last, 4096)]
        return np.concatenate([np.zeros((0, self.bands), np.float32), *pieces])

    def bring(self, wave: np.ndarray, frames: np.ndarray, rounds: int = 10, *, full: float = 1.0) -> np.ndarray:
        """A sound made as loud as a spectrogram says, in every band and frame, which keeps what is inside of a band.

        In each round the short-time spectrum is multiplied by what its bands lack, at each frequency the weighted
        geometric mean over the bands that hear it, and put together again by least squares. What no band hears, and
        silence, stay as they are.

        Args:
            wave: `(samples,)`.
            frames: `(frames, bands)`, the log-mel spectrogram to come near to, as this makes it.
            rounds: How many, one pass over the sound each.
            full: What full scale is: 1 for floats, 32768 for whole numbers of 16 bits.

        Returns:
            `(samples,)`: whole numbers within full scale for whole numbers, and floats for floats.

        Raises:
            DataError: If the spectrogram is not finite or not of this sound's length, or there is no round.

        Reference:
            The least-squares estimate from a modified short-time spectrum is that of Griffin & Lim (1984), Signal
            estimation from modified short-time Fourier transform, equation 6.
        """
        wave, frames = np.asarray(wave), np.asarray(frames)
        wanted = (self.frames(len(wave)), self.bands)
        if frames.shape != wanted or not np.isfinite(frames).all():
            raise DataError(
                f"mel: {len(wave):,} samples have a finite spectrogram of shape {wanted}, got {frames.shape}.",
                "make it with this `Mel`, of a sound of the same length",
            )
        if not np.isfinite(wave).all():
            raise DataError("mel: a sound that is not finite cannot be brought to a spectrogram.", "leave out NaN")
        if np.issubdtype(wave.dtype, np.integer) and full <= 1:
            raise DataError(
                f"mel: whole numbers have a full scale of more than 1, got full={full:g}.",
                "write `full=32768.0` for 16 bits, for the spectrogram too",
            )
        if rounds < 1 or rounds != int(rounds):
            raise DataError(f"mel: at least one round is needed, got {rounds}.", "10 are usual")
        found, margin = np.empty_like(wave), rounds * -(-self.frame // self.hop)
        for first in range(0, len(frames), PIECE):
            last = min(first + PIECE, len(frames))
            low, high = max(first - margin, 0), min(last + margin, len(frames))
            some = np.asarray(wave[low * self.hop : high * self.hop], np.float64) / full
            for _ in range(rounds):
                some = self._nearer(some, frames[low:high])
            some = full * some[(first - low) * self.hop :][: PIECE * self.hop]
            if np.issubdtype(wave.dtype, np.integer):
                some = np.clip(np.rint(some), -full, full - 1)
            found[first * self.hop : first * self.hop + len(some)] = some
        return found

    def _nearer(self, wave: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """One round of `bring`."""
        filters, window, half = self.filters(), self._window(), self.frame // 2
        heard = filters.sum(axis=0)
        spectra = np.fft.rfft(self._framed(wave, 0, len(frames)) * window)
        lacks = np.clip(frames - np.log(np.maximum(np.abs(spectra) @ filters.T, FLOOR)), -MOST, MOST)
        gains = np.exp(lacks @ (filters / np.where(heard > 0, heard, 1.0)))
        pieces = np.fft.irfft(spectra * gains, self.frame) * window
        total = np.zeros((len(frames) - 1) * self.hop + self.frame)
        weight = np.zeros_like(total)
        for number, piece in enumerate(pieces):
            place = slice(number * self.hop, number * self.hop + self.frame)
            total[place] += piece
            weight[place] += window**2
        total, weight = (np.pad(a[half:], (0, len(wave)))[: len(wave)] for a in (total, weight))
        return (total + LITTLE * wave) / (weight + LITTLE)

    def _some(self, wave: np.ndarray, first: int, last: int, full: float) -> np.ndarray:
        spectra = np.fft.rfft(self._framed(wave, first, last) / full * self._window())
        return np.log(np.maximum(np.abs(spectra) @ self.filters().T, FLOOR)).astype(np.float32)

    def _framed(self, wave: np.ndarray, first: int, last: int) -> np.ndarray:
        """The frames from `first` to before `last`, `(frames, samples)`, of the sound and its mirror images."""
        half = self.frame // 2
        padded = _mirrored(wave, first * self.hop - half, (last - 1) * self.hop - half + self.frame)
        return np.lib.stride_tricks.sliding_window_view(padded, self.frame)[:: self.hop]

    def _window(self) -> np.ndarray:
        return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.frame) / self.frame)


def _mirrored(wave: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Samples from `start` to before `stop`, mirrored at both ends without repeating the last one."""
    places, count = np.arange(start, stop), len(wave)
    if start < 0 or stop > count:
        period = max(2 * (count - 1), 1)
        places = np.abs((places + count - 1) % period - (count - 1)) if count > 1 else np.zeros_like(places)
    return np.asarray(wave[places.min() : places.max() + 1], np.float64)[places - places.min()]


def _mels(hertz: float) -> float:
    return hertz / STEP if hertz < KNEE else KNEE / STEP + np.log(hertz / KNEE) / LOG_STEP


def _hertz(mels: np.ndarray) -> np.ndarray:
    knee = KNEE / STEP
    return np.where(mels < knee, mels * STEP, KNEE * np.exp(LOG_STEP * (np.minimum(mels, 1e3) - knee)))
