"""A picture of samples beside the model's file while it is trained."""

import math
import time
from pathlib import Path

from pushforward import plots
from pushforward.modalities._model import Model
from pushforward.modalities._talk import Talk
from pushforward.modalities.image._facts import ImageFacts
from pushforward.modalities.image._model import ImageModel
from pushforward.train import EpochInfo, FitResult

SHOWN = 64
FIRST, LATER = 2.0, 30.0
"""Seconds of training before the first picture of samples, and between two."""


class Samples:
    """A callback of `fit` that draws samples into `MODEL.samples.png`."""

    def __init__(self, facts: ImageFacts, seed: int, target: Path, talk: Talk):
        self.path = Path(f"{target}.samples.png")
        self.facts, self.seed, self.talk = facts, seed, talk
        self.due = time.monotonic() + FIRST
        self.told = False

    def __call__(self, info: EpochInfo) -> None:
        if time.monotonic() < self.due:
            return
        flow = info.best_flow()
        unfinished = FitResult(flow, (), 0, math.nan, math.nan, "still running", (), 0.0)
        model = ImageModel(Model("image", flow, self.facts, {"drop_labels": 0.0}, unfinished))
        known = self.facts.labels
        labels = [known[i % len(known)] for i in range(SHOWN)] if known else None
        draws = model.sample(SHOWN, self.seed, y=labels)
        plots.save_images(plots.tiled(draws, 8, 8, levels=self.facts.levels), self.path)
        if not self.told:
            self.talk.say(f"samples as they become: {self.path.resolve().as_uri()}")
        self.told = True
        self.due = time.monotonic() + LATER
