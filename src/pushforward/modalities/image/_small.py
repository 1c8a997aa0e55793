"""How large an image flow is and how long it is trained where nobody says: by the pictures and the machine."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax

from pushforward._errors import DataError
from pushforward._types import Shape
from pushforward.flows import RECIPES, Small
from pushforward.modalities._events import by_name
from pushforward.modalities._talk import plural
from pushforward.modalities.image._flow import image_recipe
from pushforward.modalities.image._settings import ImageSettings

SMALL, PAPER = "small", "paper"
PRESETS = ("auto", SMALL, PAPER)
OPTION = "preset"
BATCH = 64
"""Pictures of a step, where the flow has no other wish."""


def decided(settings: ImageSettings, shape: Shape, count: int) -> ImageSettings:
    """What a fit to so many pictures of this shape uses, given what the user said; what is decided stays as it is.

    Raises:
        ValueError: If the flow or the preset is unknown.
    """
    recipe, options = image_recipe(settings.flow), by_name(settings.options)
    preset = options.get(OPTION, "auto")
    usual = dataclasses.replace(settings, batch_size=BATCH if settings.batch_size is None else settings.batch_size)
    if recipe.small is None:
        return usual
    if preset not in PRESETS:
        raise DataError(f"images: unknown preset {preset!r}.", f"one of {', '.join(PRESETS)}")
    if preset == PAPER or (preset == "auto" and jax.default_backend() != "cpu"):
        return dataclasses.replace(usual, options=options | {OPTION: PAPER})
    small = recipe.small(shape, **options)
    chosen = {"options": dict(small.options) | options | {OPTION: SMALL}, **_training(small, settings, count)}
    return dataclasses.replace(settings, **chosen)


def of_recipe(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those that the recipe takes."""
    return {name: value for name, value in options.items() if name != OPTION}


def _training(small: Small, settings: ImageSettings, count: int) -> dict[str, Any]:
    """Of what the user left open, what belongs to the size; epochs are as many as have the pictures of its steps."""
    pictures = max(count * (1.0 - (settings.validation or 0.0)), 1.0)
    own = dataclasses.asdict(small.training) | {"batch_size": small.batch_size}
    own["max_epochs"] = max(1, min(own["max_epochs"], round(small.steps * small.batch_size / pictures)))
    return {name: value for name, value in own.items() if getattr(settings, name) is None}


def told(settings: ImageSettings, said: ImageSettings) -> str:
    """A sentence on what was decided beside what the user said, and what the paper has; empty where nothing was."""
    options = of_recipe(settings.options or {})
    chosen = {name: value for name, value in options.items() if name not in (said.options or {})}
    if not chosen:
        return ""
    paper = RECIPES[settings.flow].defaults
    other = {name: paper[name] for name, value in chosen.items() if paper[name] != value}
    epochs = f" and at most {plural(settings.max_epochs or 1, 'epoch')}" if said.max_epochs is None else ""
    batch = settings.batch_size if said.batch_size is None else BATCH
    batches = f" in batches of {batch}" if batch != BATCH else ""
    instead = f"; the paper has {_listed(other)}: --set {OPTION}={PAPER}" if other else ""
    return f"{_listed(chosen)}{epochs}{batches}: for these pictures on a CPU{instead}"


def _listed(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in options.items())
