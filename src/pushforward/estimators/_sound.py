"""The density of sound."""

from typing import Any, Self

import numpy as np

from pushforward.data.sound._clips import Clips
from pushforward.estimators._base import FlowEstimator
from pushforward.modalities.sound._model import SoundMethods
from pushforward.modalities.sound._prepare import Sounds, labels_of
from pushforward.modalities.sound._settings import SoundSettings


class SoundDensity(SoundSettings, FlowEstimator, SoundMethods):  # pyright: ignore[reportIncompatibleMethodOverride]: flows of sound are `Transformed`
    """A density of sound, learned by a normalizing flow of the whole numbers that samples are.

    Args:
        flow: The name of a flow of sound in `pushforward.flows.RECIPES`.
        options: Of the recipe, such as `{"num_flows": 6, "width": 32}`. Where none of the layout is given, a `waveglow`
            without spectrograms has 16 flows on groups of 64 samples, width 48 and depth 4.
        conditional: Whether the flow is told the label of every clip: a speaker, a digit.
        mel: Whether it is told mel spectrograms, as a vocoder is; or how those are made, `{"hop": 64, "bands": 20}`,
            see `pushforward.data.Mel`.
        length: Samples of the segments that it learns from; None for about a quarter of a second.
        pad: Whether clips are filled up with silence to whole segments.
        batch_size: Segments per step.

    The other settings, and `result_`, are those of `FlowDensity`.

    Attributes:
        flow_: The fitted `Transformed`, from noise to segments `(length,)` of whole numbers.
        facts_: Rate, bits, labels and spectrograms.
        labels_: Names of the labels, if the flow is conditional on them.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(4, 512))
        >>> clips = pf.data.Clips(tuple((1000 * noise).astype(np.int16)), rate=8000)
        >>> small = {"num_flows": 2, "width": 4, "depth": 2}
        >>> model = pf.SoundDensity("waveglow", options=small, length=256, max_epochs=1, random_state=0).fit(clips)
        >>> model.sample(2, random_state=1).shape
        (2, 256)
    """

    _modality = "sound"

    def fit(self, X: Clips, y: Any = None) -> Self:
        """Learn the density of clips.

        Args:
            X: `Clips`, as `pushforward.data.read_clips` reads them.
            y: `(count,)` labels of any kind; by default those of the clips.

        Raises:
            ValueError: If the clips, the flow or a setting cannot be used.
        """
        self._learn(Sounds(X, labels_of(X, y) if self.conditional else None))
        return self

    def score_samples(self, X: Clips, y: Any = None) -> np.ndarray:
        """A lower bound of the log-probability of every clip in nats, `(count,)`; see `score_clips` for one sample."""
        return self.score_clips(X, y).log_prob

    def score(self, X: Clips, y: Any = None) -> float:
        """Nats for one sample, over all clips."""
        found = self.score_clips(X, y)
        return float(found.log_prob.sum() / found.samples.sum())
