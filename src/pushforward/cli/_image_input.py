"""Options that are for images, and pictures that are read for a model."""

from pathlib import Path
from typing import Any

import click

from pushforward.cli._failures import WrongUsage


class Size(click.ParamType):
    """`32` or `HEIGHTxWIDTH`."""

    name = "height x width"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        sides = value.lower().split("x")
        if not 1 <= len(sides) <= 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
            self.fail(f"{value!r} is not a size, such as 32 or 28x20.", param, ctx)
        return int(sides[0]), int(sides[-1])


resize = click.option("--resize", metavar="HxW", type=Size(), help="Images: bring all to this height and width.")
mode = click.option("--mode", type=click.Choice(["grey", "rgb"]), help="Images: turn all to grey, or to colour.")
skip_bad = click.option("--skip-bad", is_flag=True, help="Images: leave out files that are no pictures.")


def is_image_model(path: Path) -> bool:
    """Whether a file holds a model of images; a file that cannot be read is none."""
    from pushforward.io import read

    return "images" in read(path)[1]


def read_for(model: Any, source: str, *, resize: Any = None, mode: str | None = None, skip_bad: bool = False) -> Any:
    """Images in the levels of a model, and turned to grey or to colour as its images are.

    Raises:
        DataError: If they cannot be read.
    """
    from pushforward.data import read_images

    images = read_images(source, resize=resize, mode=mode or {1: "grey", 3: "rgb"}[model.shape[2]], skip_bad=skip_bad)
    bits = model.levels_.bit_length() - 1
    return images.with_bits(bits) if images.levels > model.levels_ == 2**bits else images


def brought_to(model: Any, source: str, *, skip_bad: bool = False) -> Any:
    """Images brought to the size and the levels of a model, whatever theirs are."""
    from dataclasses import replace

    import numpy as np

    images = read_for(model, source, resize=model.shape[:2], skip_bad=skip_bad)
    if images.levels == model.levels_:
        return images
    scaled = np.round(images.values * ((model.levels_ - 1) / (images.levels - 1))).astype(np.uint8)
    return replace(images, values=scaled, levels=model.levels_)


OF_TABLES = ("condition", "weights", "drop", "kinds", "drop_missing")
OF_IMAGES = ("resize", "mode", "bits", "skip_bad", "labels", "flip", "shift", "drop_labels")
SPELT = {"kinds": "--column"}


def is_image_flow(flow: str, source: str) -> bool:
    """Whether `fit` is to read images.

    Raises:
        DataError: If a folder is given to a flow of tables.
    """
    from pushforward._errors import DataError
    from pushforward.flows import RECIPES

    if RECIPES[flow].events == "image":
        return True
    if Path(source).is_dir():
        able = ", ".join(name for name, recipe in RECIPES.items() if recipe.events == "image")
        raise DataError(
            f"{source}: this is a folder.", f"give the path of one file, or for images a --flow, one of {able}"
        )
    return False


def without_options_of_tables(given: dict[str, Any]) -> dict[str, Any]:
    """The options for images; a usage error if one was used that is for tables."""
    return _without(given, OF_TABLES, "tables", "--flow is one of images")


def without_options_of_images(given: dict[str, Any]) -> dict[str, Any]:
    """The options for tables; a usage error if one was used that is for images."""
    return _without(given, OF_IMAGES, "images", "leave it out, or choose an image flow, such as --flow glow")


def _without(given: dict[str, Any], names: tuple[str, ...], kind: str, hint: str) -> dict[str, Any]:
    for name in names:
        if given[name]:
            raise WrongUsage(f"{SPELT.get(name, '--' + name.replace('_', '-'))} is for {kind}.", hint)
    return {name: value for name, value in given.items() if name not in names}


def refuse_options_of_images(given: dict[str, Any]) -> None:
    """A usage error if an option was used that is for models of images."""
    _without(given, tuple(given), "models of images", "leave it out")


def refuse_options_of_tables(given: dict[str, Any]) -> None:
    """A usage error if an option was used that is for models of tables."""
    _without(given, tuple(given), "models of tables", "leave it out; a label of images is given by `--label`")


def refuse_picture_of_images(what: str | None, names: tuple[str, ...]) -> None:
    """A usage error if a picture is asked for that is of images."""
    if what in names:
        raise WrongUsage(f"--what {what} is for models of images.", "use `--what corner` for samples beside a table")
