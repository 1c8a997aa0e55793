"""`pushforward attributes`: images moved along an attribute."""

from pathlib import Path
from typing import Any

import click

from pushforward.cli.frame import _options as options
from pushforward.cli.frame._command import command as make_command
from pushforward.modalities import Number


@make_command(
    "pushforward attributes faces.safetensors faces/ --label smiling -o smile.png",
    "pushforward attributes faces.safetensors faces/ --label smiling --picture ann.png --amount 2 -o ann_smiles.png",
    own="attributes",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("source", metavar="IMAGES", type=options.Source())
@click.option("--label", metavar="NAME", required=True, help="The label of the images that have the attribute.")
@click.option("-o", "--output", metavar="PICTURE", required=True, type=click.Path(path_type=Path), help="Where to.")
@click.option("--steps", metavar="N", type=click.IntRange(2), default=7, show_default=True, help="Images in a row.")
@click.option(
    "--amount",
    metavar="NUMBER",
    type=options.Parsed(Number()),
    default=1.0,
    show_default=True,
    help="Of the direction added at the right end, and taken away at the left.",
)
@options.seed
@options.quiet
def command(
    model: Path,
    source: str,
    label: str,
    output: Path,
    steps: int,
    amount: float,
    seed: int,
    quiet: bool,
    **own: Any,
) -> None:
    """Move images along an attribute.

    The direction of an attribute is the mean latent vector of the IMAGES with --label, less that of the others. A row
    shows an image in the middle, with less of it to the left and more of it to the right.
    """
    from pushforward.cli.frame._opened import opened, refuse_replaced, require_command
    from pushforward.modalities._talk import Talk

    fitted, modality, given = opened(model, "attributes", own)
    require_command(model, modality, "attributes")
    refuse_replaced(output, model, source)
    given |= {"label": label, "steps": steps, "amount": amount, "seed": seed}
    modality.attributes(fitted, source, output, given, Talk(quiet=quiet))
