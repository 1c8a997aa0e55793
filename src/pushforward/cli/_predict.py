"""`pushforward predict`: what a conditional model says of new rows."""

from pathlib import Path
from typing import Any

import click

from pushforward.cli.frame import _options as options
from pushforward.cli.frame._command import command as make_command


@make_command(
    "pushforward predict price.safetensors new.csv -o predictions.csv",
    "pushforward predict price.safetensors new.csv --interval 0.9 --quantile 0.5 -o predictions.csv",
    own="predict",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("source", metavar="DATA", type=options.Source())
@options.table_output
@options.quiet
def command(model: Path, source: str, output: str, quiet: bool, **own: Any) -> None:
    """Predict columns from the others.

    The model in the file MODEL learned some columns given others (`fit --condition`). For each row of DATA, which holds
    the conditions, this writes the mean of every other column, and the quantiles and intervals that are asked for. Of
    one column of numbers they are exact; of several, each apart, they are drawn, and standard errors tell how well
    they are known.
    """
    from pushforward.cli.frame._opened import opened, refuse_replaced, require_command
    from pushforward.modalities._talk import Talk

    fitted, modality, given = opened(model, "predict", own)
    require_command(model, modality, "predict")
    refuse_replaced(output, model, source)
    modality.predict(fitted, source, output, given, Talk(quiet=quiet))
