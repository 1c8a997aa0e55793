"""`pushforward interpolate`: the way from one image to another."""

from pathlib import Path
from typing import Any

import click

from pushforward.cli.frame import _options as options
from pushforward.cli.frame._command import command as make_command


@make_command(
    "pushforward interpolate faces.safetensors ann.png bob.png -o walk.png",
    "pushforward interpolate faces.safetensors ann.png bob.png --steps 12 --path line -o walk.png",
    "pushforward interpolate faces.safetensors ann.png bob.png cy.png di.png --grid 6x6 -o sheet.png",
    "pushforward interpolate voice.safetensors three.wav four.wav --steps 5 -o walk/",
    own="interpolate",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("sources", metavar="PICTURES...", nargs=-1, required=True, type=options.Source())
@click.option("-o", "--output", metavar="PICTURE", required=True, type=click.Path(path_type=Path), help="Where to.")
@click.option("--steps", metavar="N", type=click.IntRange(2), default=8, show_default=True, help="Images on the way.")
@click.option(
    "--path",
    type=click.Choice(["sphere", "line"]),
    default="sphere",
    show_default=True,
    help="By even angles, or on a straight line.",
)
@options.quiet
def command(
    model: Path, sources: tuple[str, ...], output: Path, steps: int, path: str, quiet: bool, **own: Any
) -> None:
    """Walk from one image, or clip of sound, to another.

    Encodes two PICTURES by the model in the file MODEL, and draws the images on the way between their latent vectors;
    of four pictures, the sheet between them as corners. Pictures are brought to the size of the model's images.

    With a model of sound, two clips; -o is a folder for the clips on the way.
    """
    from pushforward.cli.frame._opened import opened, refuse_replaced, require_command
    from pushforward.modalities._talk import Talk

    fitted, modality, given = opened(model, "interpolate", own)
    require_command(model, modality, "interpolate")
    refuse_replaced(output, model, *sources)
    modality.interpolate(fitted, sources, output, {**given, "steps": steps, "path": path}, Talk(quiet=quiet))
