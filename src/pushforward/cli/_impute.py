"""`pushforward impute`: missing cells filled."""

from pathlib import Path
from typing import Any

import click

from pushforward.cli.frame import _options as options
from pushforward.cli.frame._command import command as make_command


@make_command(
    "pushforward impute wine.safetensors holes.csv -o filled.csv",
    "pushforward impute wine.safetensors holes.csv --draws 20 --seed 1 -o filled.parquet",
    own="impute",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("source", metavar="DATA", type=options.Source())
@options.table_output
@options.seed
@options.quiet
def command(model: Path, source: str, output: str, seed: int, quiet: bool, **own: Any) -> None:
    """Fill missing cells by draws given what is there.

    Every empty cell of DATA in a column of the model in the file MODEL is drawn given the cells of its row that are
    there; these stay as they are. With --draws above 1 the table is written so many times, one below the other: their
    spread tells how well a cell is known. No second model is trained. A row without any cell is drawn as a whole.
    """
    from pushforward.cli.frame._opened import opened, refuse_replaced, require_command
    from pushforward.modalities._talk import Talk

    fitted, modality, given = opened(model, "impute", own)
    require_command(model, modality, "impute")
    refuse_replaced(output, model, source)
    modality.impute(fitted, source, output, given, seed=seed, talk=Talk(quiet=quiet))
