"""`pushforward plot`: pictures of a model."""

from pathlib import Path

import click

from pushforward.cli import _image_input as images
from pushforward.cli import _options as options
from pushforward.cli._command import command as make_command

PICTURES = ("density", "corner", "shares", "loss", "steps")
OF_IMAGES = ("samples", "temperatures", "layers", "reconstructions", "nearest")


@make_command(
    "pushforward plot wine.safetensors wine.csv -o wine.png",
    "pushforward plot moons.safetensors toy:moons -o density.png",
    "pushforward plot wine.safetensors -o loss.pdf --what loss",
    "pushforward plot moons.safetensors -o steps.svg --what steps",
    "pushforward plot faces.safetensors faces/ -o nearest.png --what nearest",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("source", metavar="[DATA]", required=False, type=options.TableSource())
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
    type=click.Choice((*PICTURES, *OF_IMAGES)),
    help="Which picture.  [default: density for one or two columns of numbers, shares for categories, else corner]",
)
@options.given
@click.option("--drop-missing", is_flag=True, help="Leave out rows with an empty, NaN or infinite cell.")
@options.seed
@options.quiet
def command(
    model: Path,
    source: str | None,
    output: Path,
    what: str | None,
    given: tuple[tuple[str, str], ...],
    drop_missing: bool,
    seed: int,
    quiet: bool,
) -> None:
    """Draw a picture of a model.

    Shows the model in the file MODEL, beside the rows of DATA where they are given.

    --what density shows the density of one or two columns, with lines around the regions that hold 50, 90 and 99 % of
    it; corner shows every pair of columns of numbers, samples beside DATA; shares shows how often each category occurs
    in samples, and in DATA; loss shows the training and validation loss by epoch;
    steps shows how the layers move points from the noise to the data.

    Of a model of images, --what samples shows draws; temperatures shows the same noise at several scales;
    layers shows samples on their way from the noise to the image, after some of the layers; reconstructions shows
    images of DATA from their whole latent vector and from half of it; nearest shows draws above the images of DATA that
    are most alike, so that one sees whether the model copies; loss shows the training.
    """
    from pushforward.cli._talk import Talk

    if images.is_image_model(model):
        from pushforward.cli._image_runs import plot

        images.refuse_options_of_tables({"given": given, "drop_missing": drop_missing})

        plot(model, source, output, what, seed=seed, talk=Talk(quiet=quiet))
        return
    from pushforward.cli._plot_run import Request, run

    images.refuse_picture_of_images(what, OF_IMAGES)

    run(Request(model, source, output, what, dict(given), drop_missing, seed), Talk(quiet=quiet))
