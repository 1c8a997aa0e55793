"""`pushforward fit`: from data to a model."""

from pathlib import Path
from typing import Any

import click

from pushforward.cli.frame import _options as options
from pushforward.cli.frame._command import command as make_command


@make_command(
    "pushforward fit wine.csv -o wine.safetensors",
    "pushforward fit wine.csv -o wine.safetensors --flow maf --set num_layers=8 --set width=64",
    "pushforward fit sales.parquet -o sales.safetensors --column price:positive --drop id",
    "pushforward fit wine.csv -o hue.safetensors --condition alcohol,magnesium",
    "pushforward fit wind.csv -o wind.safetensors --column 'direction:circular(360)'",
    "pushforward fit toy:moons -o moons.safetensors --max-epochs 30",
    "pushforward fit faces/ -o faces.safetensors --flow glow --resize 32 --bits 5 --flip",
    "pushforward fit speech/ -o voice.safetensors --flow waveglow --mel",
    own="fit",
)
@click.argument("source", metavar="DATA", type=options.Source())
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
    "--flow",
    type=options.FlowName("auto"),
    show_default="nsf for tables, glow for images, waveglow for sound",
    help="Which flow; see `pushforward flows`. auto: the best of maf, nsf and one Gaussian for a table.",
)
@options.settings
@options.training_options
@options.seed
@click.option(
    "--checkpoint",
    metavar="FILE",
    show_default="MODEL.checkpoint",
    type=click.Path(path_type=Path),
    help="File that training is saved to every few seconds.",
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint of a fit that was stopped.")
@click.option(
    "--distributed",
    is_flag=True,
    help="This is one of several processes of Slurm, Open MPI or Kubernetes, which train one model together.",
)
@options.json_output
@options.quiet
def command(*, model: Path, checkpoint: Path | None, distributed: bool, quiet: bool, **given: Any) -> None:
    """Fit a model to a table, to images, or to sound.

    Learns the distribution of the rows of DATA by a normalizing flow, and saves it to the file MODEL.

    DATA is a table: a .csv, .tsv, .parquet, .feather, .arrow, .npy or .npz file, - for CSV from standard
    input, toy:moons and its like, or sklearn:wine and its like. What each column can hold is inferred, and said; text
    and truth values are categories. A folder, a pattern in quotes or a URL of .parquet files is one table, which
    is read while the fit goes on if it is large.

    Or DATA are images: a folder of pictures of one size, in which the names of subfolders are labels; or an array of
    bytes (count, height, width[, channels]) in a .npy or .npz file; or, with an image flow such as --flow glow,
    sklearn:digits.

    Or DATA are clips of sound: a folder of WAV, FLAC, OGG or MP3 files, in which the names of subfolders are labels;
    one such file; or a .npz file with audio and rate. They are cut into segments; with --mel, the model is a vocoder.

    The figure to watch is the validation loss: the mean negative log-density of the rows that are held out, in nats
    per row; of images the end tells it in bits for each number, of sound in nats for each
    sample. Lower is better, and the epoch where it is lowest is
    kept. After Ctrl-C, or if the process is killed, the same command with --resume goes on and ends with the same
    model.
    """
    from pushforward.cli.fitting._request import Request
    from pushforward.cli.fitting._run import run
    from pushforward.modalities._talk import Talk

    common = {name: given.pop(name) for name in Request.options()}
    request = Request(model=model, checkpoint=checkpoint, own=given, **common)
    if not distributed:
        return run(request, Talk(quiet=quiet))
    from pushforward.cli.fitting._processes import joined

    with joined() as first:
        return run(request, Talk(quiet=quiet or not first))
