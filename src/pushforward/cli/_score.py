"""`pushforward score`: how likely data are."""

from pathlib import Path
from typing import Any

import click

from pushforward.cli.frame import _options as options
from pushforward.cli.frame._command import command as make_command


@make_command(
    "pushforward score wine.safetensors new.csv -o scores.csv",
    "pushforward score sales.safetensors sales.parquet -o scores.parquet",
    "pushforward score wine.safetensors new.csv --keep id,date --drop-missing -o scores.csv",
    "cat new.csv | pushforward score wine.safetensors - > scores.csv",
    "pushforward score faces.safetensors new_faces/ -o bits.csv",
    own="score",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("source", metavar="DATA", type=options.Source())
@options.table_output
@options.quiet
def command(model: Path, source: str, output: str, quiet: bool, **own: Any) -> None:
    """Score every row, image or clip of sound.

    Writes the log-density of the rows of DATA by the model in the file MODEL, in nats and in the units of the data. The
    output has one row for each row of DATA, in the same order: its number, from 1, in the column row, the columns of
    --keep as they are, log_prob, and in percentile how many percent of the training rows score lower. Columns are
    matched by name, in any order; those that the model does not know are not read. A row with a value that the model
    cannot produce, such as a negative one in a positive column, gets -inf; with --drop-missing, a row without a value
    in some column gets an empty score. Rows stream: a file may be larger than memory.

    With a model of images, DATA is a folder or an array as for `fit`. The output has one row for each image: its name,
    its bits per dimension, which are an upper bound, and its log-probability in nats. With a model of sound there is
    one row for each clip, with nats and bits for one sample, whatever its length.
    """
    from pushforward.cli.frame._opened import opened, refuse_replaced
    from pushforward.modalities._talk import Talk

    fitted, modality, given = opened(model, "score", own)
    refuse_replaced(output, model, source)
    modality.score(fitted, source, output, given, Talk(quiet=quiet))
