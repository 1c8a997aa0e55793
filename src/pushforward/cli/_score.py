"""`pushforward score`: how likely rows are."""

from pathlib import Path

import click

from pushforward.cli import _image_input as images
from pushforward.cli import _options as options
from pushforward.cli._command import command as make_command


@make_command(
    "pushforward score wine.safetensors new.csv -o scores.csv",
    "pushforward score sales.safetensors sales.parquet -o scores.parquet",
    "cat new.csv | pushforward score wine.safetensors - > scores.csv",
    "pushforward score faces.safetensors new_faces/ -o bits.csv",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("source", metavar="DATA", type=options.TableSource())
@options.table_output
@click.option("--drop-missing", is_flag=True, help="Leave out rows with an empty, NaN or infinite cell.")
@images.resize
@images.mode
@images.skip_bad
@options.quiet
def command(
    model: Path,
    source: str,
    output: str,
    drop_missing: bool,
    resize: tuple[int, int] | None,
    mode: str | None,
    skip_bad: bool,
    quiet: bool,
) -> None:
    """Score every row, or every image.

    Writes the log-density of the rows of DATA by the model in the file MODEL, in nats and in the units of the data. The
    output has one row for each row of DATA, in the same order, with the column log_prob. Columns are matched by name,
    in any order; those that the model does not know are not read. A row with a value that the model cannot produce,
    such as a negative one in a positive column, gets -inf. Rows stream: a file may be larger than memory.

    With a model of images, DATA is a folder or an array as for `fit`. The output has one row for each image: its name,
    its bits per dimension, which are an upper bound, and its log-probability in nats.
    """
    from pushforward.cli._talk import Talk

    if images.is_image_model(model):
        from pushforward.cli._image_runs import score

        images.refuse_options_of_tables({"drop_missing": drop_missing})

        given = {"resize": resize, "mode": mode, "skip_bad": skip_bad}
        score(model, source, output, given=given, talk=Talk(quiet=quiet))
        return
    from pushforward.cli._score_run import run

    run(model, source, output, drop_missing=drop_missing, talk=Talk(quiet=quiet))
