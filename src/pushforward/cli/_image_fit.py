"""The work of `pushforward fit` on images."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax

from pushforward import plots
from pushforward._errors import DataError
from pushforward.cli._failures import WrongUsage
from pushforward.cli._layout import print_json
from pushforward.cli._talk import Talk, duration, plural
from pushforward.cli._training import TrainingRequest, check_recipe, check_target, learn
from pushforward.data import Images, read_images
from pushforward.estimators import ImageDensity
from pushforward.flows import RECIPES
from pushforward.objectives import bits_per_dim
from pushforward.train import EpochInfo

SHOWN = 64
FIRST, LATER = 2.0, 30.0
"""Seconds of training before the first picture of samples, and between two."""


@dataclass(frozen=True, kw_only=True)
class ImageRequest(TrainingRequest):
    """The request of `pushforward fit` on images."""

    resize: tuple[int, int] | None
    mode: str | None
    bits: int | None
    skip_bad: bool
    labels: bool
    flip: bool
    shift: int
    drop_labels: float


def run_images(request: ImageRequest, talk: Talk) -> None:
    """Fit, save and report."""
    for path in (request.model, request.checkpoint):
        check_target(path)
    check_recipe(request, conditional=request.labels)
    images = read_images(
        request.source, resize=request.resize, mode=request.mode, bits=request.bits, skip_bad=request.skip_bad
    )
    if images.skipped:
        talk.warn(f"{plural(len(images.skipped), 'file')} left out that are no pictures, such as {images.skipped[0]}")
    _check_build(request, images)
    height, width, channels = images.shape
    colours = {1: "grey", 3: "colour"}[channels]
    talk.say(
        f"fitting {request.flow} to {plural(len(images), 'image')} of {height} x {width} in {colours}, "
        f"{images.levels} levels{_labels(request, images)}"
    )
    model = _fitted(request, images, talk)
    _report(request, model, images, talk)


def _check_build(request: ImageRequest, images: Images) -> None:
    """Build the flow without numbers, so that a size or an option that does not fit is told as what it is."""
    error = _build_error(request.flow, images, dict(request.settings))
    if error is None:
        return
    hint = f"see `pushforward flows {request.flow}` for --set"
    if not request.settings or _build_error(request.flow, images, {}) is not None:
        hint = f"bring them to another size with --resize, or {hint}"
    raise WrongUsage(error, hint)


def _build_error(flow: str, images: Images, settings: dict[str, Any]) -> str | None:
    build, options = RECIPES[flow].build, settings | {"grey_levels": images.levels}
    try:
        jax.eval_shape(lambda key: build(images.shape, **options, key=key), jax.random.key(0))
    except DataError:
        raise
    except (ValueError, TypeError, ZeroDivisionError) as error:
        return str(error).strip().splitlines()[0]
    return None


def _labels(request: ImageRequest, images: Images) -> str:
    return f", given one of {plural(len(images.label_names), 'label')}" if request.labels else ""


def _fitted(request: ImageRequest, images: Images, talk: Talk) -> ImageDensity:
    model = ImageDensity(
        request.flow,
        conditional=request.labels,
        flip=request.flip,
        shift=request.shift,
        drop_labels=request.drop_labels,
        callbacks=(Samples(request, images, talk),),
        **request.of_estimator(progress=not talk.quiet),
    )
    learn(model, request, images)
    return model


class Samples:
    """Draws samples into a picture beside the model while it is trained."""

    def __init__(self, request: ImageRequest, images: Images, talk: Talk):
        self.path = Path(f"{request.model}.samples.png")
        self.images, self.labels, self.seed, self.talk = images, request.labels, request.seed, talk
        self.due = time.monotonic() + FIRST
        self.told = False

    def __call__(self, info: EpochInfo) -> None:
        if time.monotonic() < self.due:
            return
        model = ImageDensity()
        model.flow_, model.levels_ = info.best_flow(), self.images.levels  # pyright: ignore[reportAttributeAccessIssue]
        model.labels_ = self.images.label_names if self.labels else ()
        labels = [model.labels_[i % len(model.labels_)] for i in range(SHOWN)] if self.labels else None
        draws = model.sample(SHOWN, self.seed, y=labels)
        plots.save_images(plots.tiled(draws, 8, 8, levels=self.images.levels), self.path)
        if not self.told:
            self.talk.say(f"samples as they become: {self.path.resolve().as_uri()}")
        self.told = True
        self.due = time.monotonic() + LATER


def _report(request: ImageRequest, model: ImageDensity, images: Images, talk: Talk) -> None:
    result = model.result_
    bits, start = (float(bits_per_dim(-loss, images.shape)) for loss in (result.best_loss, result.start_loss))
    held_out = any(epoch.validation is not None for epoch in result.history)
    talk.say(
        f"stopped after {plural(len(result.history), 'epoch')}, {duration(result.seconds)}: {result.stopped_because}"
    )
    talk.say(
        f"{'validation' if held_out else 'training'} {bits:.4f} bits per dimension at epoch {result.best_epoch}, which "
        f"is kept; {start:.4f} before training"
    )
    if not model.flow_.exact:
        talk.say("  this is at most so many bits for each number of an image; the true figure is a little lower")
    talk.say(f"wrote {request.model}")
    if request.as_json:
        print_json(
            {
                "model": str(request.model),
                "flow": request.flow,
                "images": len(images),
                "shape": list(images.shape),
                "levels": images.levels,
                "labels": list(model.labels_),
                "bits_per_dim": bits if math.isfinite(bits) else None,
                "epochs": len(result.history),
                "seconds": result.seconds,
            }
        )
