"""`pushforward sample`: new rows."""

from pathlib import Path
from typing import Any

import click

from pushforward.cli.frame import _options as options
from pushforward.cli.frame._command import command as make_command
from pushforward.modalities import Number


@make_command(
    "pushforward sample wine.safetensors -n 1000 -o samples.csv",
    "pushforward sample wine.safetensors -n 1000 --temperature 0.8 --seed 1 -o samples.parquet",
    "pushforward sample hue.safetensors -n 100 --given alcohol=13.2 --given magnesium=100",
    "pushforward sample hue.safetensors -n 10 --given-file rows.csv -o samples.csv",
    "pushforward sample voice.safetensors --like clip.wav --temperature 0.8 -o out.wav",
    "pushforward sample faces.safetensors --grid 8x8 --temperature 0.7 -o faces.png",
    own="sample",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "-n",
    "--rows",
    metavar="N",
    type=click.IntRange(1),
    show_default="1000 rows, as many images as the grid has places, or one clip",
    help="How many rows, images or clips; with --given-file, how many for each of its rows.",
)
@options.table_output
@click.option(
    "--temperature",
    metavar="NUMBER",
    type=options.Parsed(Number(0, above=True)),
    default=1.0,
    show_default=True,
    help="Scale of the noise: below 1 for rows nearer to the mode, above 1 for wilder ones.",
)
@options.seed
@options.quiet
def command(model: Path, rows: int | None, output: str, temperature: float, seed: int, quiet: bool, **own: Any) -> None:
    """Draw new rows, images or clips of sound.

    Draws from the model in the file MODEL. The output has the model's own columns, in the units of the data that it
    was fitted to: integers are integers, and no value leaves its column's range. A conditional model needs to be told
    what to condition on, by --given or --given-file; the conditions are written behind the other columns, so that
    `score` can read the rows.

    With a model of images, the output is a sheet of them (.png and other pictures), a folder of one picture each, or an
    array of grey values (.npy, .npz).

    With a model of sound, the output is one clip (.wav, .flac, .ogg), a folder of them, or an array (.npz). A vocoder
    takes the spectrogram of --like.
    """
    from pushforward.cli.frame._opened import opened, refuse_replaced
    from pushforward.modalities._talk import Talk

    fitted, modality, given = opened(model, "sample", own)
    refuse_replaced(output, model, given.get("given_file"), given.get("like"))
    modality.sample(fitted, rows, output, given, temperature=temperature, seed=seed, talk=Talk(quiet=quiet))
