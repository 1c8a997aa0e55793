"""`pushforward outliers`: which rows are odd."""

from pathlib import Path
from typing import Any

import click

from pushforward.cli.frame import _options as options
from pushforward.cli.frame._command import command as make_command


@make_command(
    "pushforward outliers wine.safetensors new.csv --alpha 0.01 --keep id -o flagged.csv",
    "pushforward outliers wine.safetensors new.csv --calibration ordinary.csv --all -o verdicts.csv",
    "pushforward outliers wine.safetensors new.csv --false-share 0.1 -o flagged.csv",
    own="outliers",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("source", metavar="DATA", type=options.Source())
@options.table_output
@options.quiet
def command(model: Path, source: str, output: str, quiet: bool, **own: Any) -> None:
    """Flag odd rows, at a share of false alarms that is known.

    The p-value of a row says how many of the calibration rows, which the model was not fitted to, are as odd by their
    log-density. Of ordinary rows the share --alpha is flagged, whatever the model; a good model flags more of the odd
    ones. The output has one row for each flagged row of DATA: its number, from 1, in the column row, the columns of
    --keep as they are, log_prob, p_value, and in odd_columns the names of those that make it odd: where the value of
    the nearest likely row would raise log_prob most.
    """
    from pushforward.cli.frame._opened import opened, refuse_replaced, require_command
    from pushforward.modalities._talk import Talk

    fitted, modality, given = opened(model, "outliers", own)
    require_command(model, modality, "outliers")
    refuse_replaced(output, model, source, given["calibration"])
    modality.outliers(fitted, source, output, given, Talk(quiet=quiet))
