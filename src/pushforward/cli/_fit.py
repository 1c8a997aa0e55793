"""`pushforward fit`: from a table to a model."""

from pathlib import Path
from typing import Any

import click

from pushforward.cli import _image_input as images
from pushforward.cli import _options as options
from pushforward.cli._command import command as make_command

SHARE = options.Finite(0, 1, max_open=True)
ABOVE_ZERO = options.Finite(0, min_open=True)


@make_command(
    "pushforward fit wine.csv -o wine.safetensors",
    "pushforward fit wine.csv -o wine.safetensors --flow maf --set num_layers=8 --set width=64",
    "pushforward fit sales.parquet -o sales.safetensors --column price:positive --drop id",
    "pushforward fit wine.csv -o hue.safetensors --condition alcohol,magnesium",
    "pushforward fit wind.csv -o wind.safetensors --column 'direction:circular(360)'",
    "pushforward fit toy:moons -o moons.safetensors --max-epochs 30",
    "pushforward fit faces/ -o faces.safetensors --flow glow --resize 32 --bits 5 --flip",
)
@click.argument("source", metavar="DATA", type=options.TableSource())
@click.option(
    "-o",
    "--output",
    "model",
    metavar="MODEL",
    required=True,
    type=click.Path(path_type=Path),
    help="File to write the model to, such as wine.safetensors.",
)
@click.option(
    "--flow", type=options.FlowName(), default="nsf", show_default=True, help="Which flow; see `pushforward flows`."
)
@click.option(
    "--set",
    "settings",
    type=options.Setting(),
    multiple=True,
    help="An option of the flow, such as num_layers=8; see `pushforward flows NAME`. Repeatable.",
)
@click.option(
    "--condition",
    type=options.Names(),
    multiple=True,
    help="Columns to be conditional on: learn the others given these.",
)
@click.option("--weights", metavar="COLUMN", help="Column of weights: a row of weight 2 counts like two rows.")
@click.option("--drop", type=options.Names(), multiple=True, help="Columns to leave out.")
@click.option(
    "--column",
    "kinds",
    metavar="NAME:KIND",
    multiple=True,
    help="What a column can hold: unbounded, positive, integer, integer(0,10), bounded(0,1), circular(360) or "
    "categorical. The name * stands for all others. Inferred where it is not given. Repeatable.",
)
@images.resize
@images.mode
@click.option("--bits", metavar="N", type=click.IntRange(1, 8), help="Images: keep the highest N of 8 bits.")
@click.option("--labels", is_flag=True, help="Images: learn them given their labels, the names of their folders.")
@click.option("--flip", is_flag=True, help="Images: mirror half of them left to right while training.")
@click.option("--shift", metavar="N", type=click.IntRange(0), default=0, help="Images: move them by up to N pixels.")
@click.option(
    "--drop-labels",
    metavar="SHARE",
    type=SHARE,
    default=0.0,
    help="Images: leave out this share of the labels, such as 0.1, so that `sample --guidance` works.",
)
@images.skip_bad
@click.option("--drop-missing", is_flag=True, help="Leave out rows with an empty, NaN or infinite cell.")
@click.option(
    "--max-epochs",
    metavar="N",
    type=click.IntRange(1),
    show_default="the flow's own, mostly 100",
    help="Passes through the data, at most.",
)
@click.option(
    "--batch-size",
    metavar="N",
    type=click.IntRange(1),
    show_default="a tenth of the rows, 32 to 256; 64 images",
    help="Rows or images per step.",
)
@click.option(
    "--learning-rate",
    metavar="NUMBER",
    type=ABOVE_ZERO,
    show_default="the flow's own, mostly 0.003",
    help="Of Adam, at its highest.",
)
@click.option(
    "--patience",
    metavar="N",
    type=click.IntRange(1),
    show_default="the flow's own, mostly 10",
    help="Epochs without a better validation loss before training ends.",
)
@click.option(
    "--validation",
    metavar="SHARE",
    type=SHARE,
    default=0.1,
    show_default=True,
    help="Share of the rows that is held out to find the best epoch; 0 for none.",
)
@click.option(
    "--ema",
    metavar="SHARE",
    type=SHARE,
    show_default="the flow's own, mostly 0",
    help="Keep a running mean of the parameters with this decay, such as 0.999; 0 for none.",
)
@options.seed
@click.option(
    "--checkpoint",
    metavar="FILE",
    show_default="MODEL.checkpoint",
    type=click.Path(path_type=Path),
    help="File that training is saved to every few seconds.",
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint of a fit that was stopped.")
@options.json_output
@options.quiet
def command(*, model: Path, checkpoint: Path | None, quiet: bool, **given: Any) -> None:
    """Fit a model to a table, or to images.

    Learns the distribution of the rows of DATA by a normalizing flow, and saves it to the file MODEL.

    DATA is a table: a .csv, .tsv, .parquet, .feather, .arrow, .npy or .npz file, - for CSV from standard
    input, toy:moons and its like, or sklearn:wine and its like. What each column can hold is inferred, and said; text
    and truth values are categories.

    With an image flow, such as --flow glow, DATA is a folder of pictures of one size, in which the names of subfolders
    are labels; or an array of bytes (count, height, width[, channels]) in a .npy or .npz file; or sklearn:digits.

    The figure to watch is the validation loss: the mean negative log-density of the rows that are held out, in nats
    per row or image; of images the end tells it in bits for each number. Lower is better, and the epoch where it is
    lowest is kept. After Ctrl-C, or if the process is killed, the same command with --resume goes on and ends with the
    same model.
    """
    from pushforward.cli._talk import Talk

    given |= {name: options.flatten(given[name]) for name in ("condition", "drop")}
    given |= {"model": model, "checkpoint": checkpoint or Path(f"{model}.checkpoint")}
    if images.is_image_flow(given["flow"], given["source"]):
        from pushforward.cli._image_fit import ImageRequest, run_images

        run_images(ImageRequest(**images.without_options_of_tables(given)), Talk(quiet=quiet))
    else:
        from pushforward.cli._fit_run import Request, run

        run(Request(**images.without_options_of_images(given)), Talk(quiet=quiet))
