"""`pushforward interpolate`: the way from one image to another."""

from pathlib import Path

import click

from pushforward.cli import _image_input as images
from pushforward.cli import _options as options
from pushforward.cli._command import command as make_command


@make_command(
    "pushforward interpolate faces.safetensors ann.png bob.png -o walk.png",
    "pushforward interpolate faces.safetensors ann.png bob.png --steps 12 --path line -o walk.png",
    "pushforward interpolate faces.safetensors ann.png bob.png cy.png di.png --grid 6x6 -o sheet.png",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="PICTURE", required=True, type=click.Path(path_type=Path), help="Where to.")
@click.option("--steps", metavar="N", type=click.IntRange(2), default=8, show_default=True, help="Images on the way.")
@click.option(
    "--path",
    type=click.Choice(["sphere", "line"]),
    default="sphere",
    show_default=True,
    help="By even angles, or on a straight line.",
)
@click.option(
    "--grid", metavar="RxC", type=images.Size(), default="6x6", show_default=True, help="Of the sheet of four images."
)
@click.option("--label", metavar="NAME", help="The label of the images, with a model that knows labels.")
@options.quiet
def command(
    model: Path,
    pictures: tuple[Path, ...],
    output: Path,
    steps: int,
    path: str,
    grid: tuple[int, int],
    label: str | None,
    quiet: bool,
) -> None:
    """Walk from one image to another.

    Encodes two PICTURES by the model in the file MODEL, and draws the images on the way between their latent vectors;
    of four pictures, the sheet between them as corners. Pictures are brought to the size of the model's images.
    """
    from pushforward.cli._image_walks import interpolate
    from pushforward.cli._talk import Talk

    given = {"steps": steps, "path": path, "grid": grid, "label": label}
    interpolate(model, pictures, output, given=given, talk=Talk(quiet=quiet))
