"""`pushforward attributes`: images moved along an attribute."""

from pathlib import Path

import click

from pushforward.cli import _image_input as images
from pushforward.cli import _options as options
from pushforward.cli._command import command as make_command


@make_command(
    "pushforward attributes faces.safetensors faces/ --label smiling -o smile.png",
    "pushforward attributes faces.safetensors faces/ --label smiling --picture ann.png --amount 2 -o ann_smiles.png",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("source", metavar="IMAGES", type=options.TableSource())
@click.option("--label", metavar="NAME", required=True, help="The label of the images that have the attribute.")
@click.option(
    "--picture", metavar="FILE", type=click.Path(path_type=Path), help="What to move; by default four of IMAGES."
)
@click.option("-o", "--output", metavar="PICTURE", required=True, type=click.Path(path_type=Path), help="Where to.")
@click.option("--steps", metavar="N", type=click.IntRange(2), default=7, show_default=True, help="Images in a row.")
@click.option(
    "--amount",
    metavar="NUMBER",
    type=options.Finite(),
    default=1.0,
    show_default=True,
    help="Of the direction added at the right end, and taken away at the left.",
)
@images.skip_bad
@options.seed
@options.quiet
def command(
    model: Path,
    source: str,
    label: str,
    picture: Path | None,
    output: Path,
    steps: int,
    amount: float,
    skip_bad: bool,
    seed: int,
    quiet: bool,
) -> None:
    """Move images along an attribute.

    The direction of an attribute is the mean latent vector of the IMAGES with --label, less that of the others. A row
    shows an image in the middle, with less of it to the left and more of it to the right.
    """
    from pushforward.cli._image_walks import attributes
    from pushforward.cli._talk import Talk

    given = {"label": label, "picture": picture, "steps": steps, "amount": amount, "skip_bad": skip_bad}
    attributes(model, source, output, given=given, seed=seed, talk=Talk(quiet=quiet))
