"""`pushforward forecast`: what follows series."""

from pathlib import Path
from typing import Any

import click

from pushforward.cli.frame import _options as options
from pushforward.cli.frame._command import command as make_command


@make_command(
    "pushforward forecast fx.safetensors exchange.csv -o forecast.parquet --quantile 0.1,0.5,0.9",
    "pushforward forecast fx.safetensors exchange.csv -o paths.csv --paths 100 --seed 1",
    own="forecast",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("source", metavar="DATA", type=options.Source())
@options.table_output
@options.seed
@options.quiet
def command(model: Path, source: str, output: str, seed: int, quiet: bool, **own: Any) -> None:
    """Forecast series.

    Draws futures of the series in DATA, which holds their past, from the model in the file MODEL: as many steps as it
    was fitted for with --horizon, behind the last value of each item. The output has a row for each step of each
    path, or with --quantile a row for each step with the quantiles of each series, in columns such as USD_0.9. Columns
    that are to be known ahead (`fit --known`) stand in rows of DATA behind the last value, where the series are empty.
    """
    from pushforward.cli.frame._opened import opened, refuse_replaced, require_command
    from pushforward.modalities._talk import Talk

    fitted, modality, given = opened(model, "forecast", own)
    require_command(model, modality, "forecast")
    refuse_replaced(output, model, source)
    modality.forecast(fitted, source, output, given, seed, Talk(quiet=quiet))
