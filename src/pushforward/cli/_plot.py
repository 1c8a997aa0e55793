"""`pushforward plot`: pictures of a model."""

from pathlib import Path
from typing import Any

import click

from pushforward.cli.frame import _options as options
from pushforward.cli.frame._command import command as make_command
from pushforward.cli.frame._failures import WrongUsage
from pushforward.modalities import Modality, modalities
from pushforward.modalities._options import Number, inches
from pushforward.modalities._told import Look


def _pictures() -> dict[str, list[Modality]]:
    """The modalities that draw a picture, by its name."""
    found: dict[str, list[Modality]] = {}
    for modality in modalities().values():
        for name in modality.pictures:
            found.setdefault(name, []).append(modality)
    return found


@make_command(
    "pushforward plot wine.safetensors wine.csv -o wine.png",
    "pushforward plot moons.safetensors toy:moons -o density.png",
    "pushforward plot wine.safetensors -o loss.pdf --what loss",
    "pushforward plot moons.safetensors -o steps.svg --what steps",
    "pushforward plot wine.safetensors wine.csv -o wine.pdf --columns alcohol,quality --size 3.3x3.3",
    "pushforward plot faces.safetensors faces/ -o nearest.png --what nearest",
    own="plot",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("source", metavar="[DATA]", required=False, type=options.Source())
@click.option(
    "-o",
    "--output",
    metavar="PICTURE",
    required=True,
    type=click.Path(path_type=Path),
    help="Where to; the ending says the format: .png, .pdf, .svg and others.",
)
@click.option(
    "--what",
    type=click.Choice(tuple(_pictures())),
    help="Which picture.  [default: density for one or two columns of numbers, shares for categories, else corner; "
    "samples of images]",
)
@click.option(
    "--size",
    metavar="WIDTHxHEIGHT",
    type=options.Parsed(inches),
    help="In inches, such as 6x4.  [default: what suits the picture]",
)
@click.option(
    "--dpi",
    metavar="N",
    type=options.Parsed(Number(10, 2400)),
    default="150",
    show_default=True,
    help="Dots per inch.",
)
@click.option("--title", metavar="TEXT", help="Above the picture.")
@click.option("--xlabel", metavar="TEXT", help="Of the axis that goes across.")
@click.option("--ylabel", metavar="TEXT", help="Of the axis that goes up.")
@options.seed
@options.quiet
def command(
    model: Path,
    source: str | None,
    output: Path,
    what: str | None,
    size: Any,
    dpi: float,
    title: str | None,
    xlabel: str | None,
    ylabel: str | None,
    seed: int,
    quiet: bool,
    **own: Any,
) -> None:
    """Draw a picture of a model.

    Shows the model in the file MODEL, beside the rows of DATA where they are given.

    --what density shows the density of one or two columns, with lines around the regions that hold 50, 90 and 99 % of
    it; corner shows every pair of columns of numbers, samples beside DATA, and categories where --columns names them;
    shares shows how often each category occurs
    in samples, and in DATA; loss shows the training and validation loss by epoch;
    steps shows how the layers move points from the noise to the data.

    Of a model of series, --what fan shows the past of DATA and what may follow it, correlations how series change
    together in DATA and in paths.

    Of a model of sound, --what samples shows waves, mel their spectrograms, each beside the clips of DATA if those are
    given; layers shows a draw on its way from the noise.

    Of a model of images, --what samples shows draws; temperatures shows the same noise at several scales;
    layers shows samples on their way from the noise to the image, after some of the layers; reconstructions shows
    images of DATA from their whole latent vector and from half of it; nearest shows draws above the images of DATA that
    are most alike, so that one sees whether the model copies; loss shows the training.
    """
    from pushforward import plots
    from pushforward.cli.frame._opened import opened, refuse_replaced
    from pushforward.modalities._talk import Talk

    fitted, modality, given = opened(model, "plot", own)
    refuse_replaced(output, model, source)
    if what is not None and what not in modality.pictures:
        kinds = " and ".join(other.plural for other in _pictures()[what])
        raise WrongUsage(
            f"--what {what} is for {kinds}, and this is a model of {modality.plural}.",
            f"one of {', '.join(modality.pictures)}",
        )
    plots.check_ending(output)
    figure, name = modality.plot(fitted, source, what, given, Look(size, title, xlabel, ylabel), seed)
    plots.save(figure, output, dpi=dpi)
    Talk(quiet=quiet).say(f"wrote {output}: {name}")
