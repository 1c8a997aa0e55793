"""`pushforward sample`: new rows."""

from pathlib import Path

import click

from pushforward.cli import _image_input as images
from pushforward.cli import _options as options
from pushforward.cli._command import command as make_command

ROWS = 1000


@make_command(
    "pushforward sample wine.safetensors -n 1000 -o samples.csv",
    "pushforward sample wine.safetensors -n 1000 --temperature 0.8 --seed 1 -o samples.parquet",
    "pushforward sample hue.safetensors -n 100 --given alcohol=13.2 --given magnesium=100",
    "pushforward sample hue.safetensors -n 10 --given-file rows.csv -o samples.csv",
    "pushforward sample faces.safetensors --grid 8x8 --temperature 0.7 -o faces.png",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "-n",
    "--rows",
    metavar="N",
    type=click.IntRange(1),
    show_default="1000 rows, or as many images as the grid has places",
    help="How many rows or images; with --given-file, how many for each of its rows.",
)
@options.table_output
@click.option(
    "--temperature",
    metavar="NUMBER",
    type=options.Finite(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Scale of the noise: below 1 for rows nearer to the mode, above 1 for wilder ones.",
)
@options.given
@click.option("--given-file", metavar="FILE", type=options.TableSource(), help="A table with the model's conditions.")
@click.option("--grid", metavar="RxC", type=images.Size(), help="Images: rows and columns of the sheet.")
@click.option("--label", metavar="NAME", help="Images: draw those of this label, with a model that knows labels.")
@click.option(
    "--guidance",
    metavar="NUMBER",
    type=options.Finite(0),
    default=0.0,
    help="Images: above 0, more of what sets the label apart; for a fit with --drop-labels.",
)
@click.option(
    "--denoise/--no-denoise",
    default=None,
    help="Images: whether to take away the Gaussian noise of a fit with --set noise=0.05; by default yes.",
)
@options.seed
@options.quiet
def command(
    model: Path,
    rows: int | None,
    output: str,
    temperature: float,
    given: tuple[tuple[str, str], ...],
    given_file: str | None,
    grid: tuple[int, int] | None,
    label: str | None,
    guidance: float,
    denoise: bool | None,
    seed: int,
    quiet: bool,
) -> None:
    """Draw new rows, or new images.

    Draws from the model in the file MODEL. The output has the model's own columns, in the units of the data that it
    was fitted to: integers are integers, and no value leaves its column's range. A conditional model needs to be told
    what to condition on, by --given or --given-file; the conditions are written behind the other columns, so that
    `score` can read the rows.

    With a model of images, the output is a sheet of them (.png and other pictures), a folder of one picture each, or an
    array of grey values (.npy, .npz).
    """
    from pushforward.cli._talk import Talk

    if images.is_image_model(model):
        from pushforward.cli._image_runs import sample

        images.refuse_options_of_tables({"given": given, "given_file": given_file})

        options_ = {"grid": grid, "temperature": temperature, "label": label}
        options_ |= {"guidance": guidance, "denoise": denoise}
        sample(model, rows, output, given=options_, seed=seed, talk=Talk(quiet=quiet))
        return
    from pushforward.cli._sample_run import Request, run

    images.refuse_options_of_images({"grid": grid, "label": label, "guidance": guidance, "denoise": denoise})
    run(Request(model, rows or ROWS, output, temperature, dict(given), given_file, seed), Talk(quiet=quiet))
