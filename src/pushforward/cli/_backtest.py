"""`pushforward backtest`: how good forecasts are."""

from pathlib import Path
from typing import Any

import click

from pushforward.cli.frame import _options as options
from pushforward.cli.frame._command import command as make_command


@make_command(
    "pushforward backtest fx.safetensors exchange.csv --windows 5",
    "pushforward backtest fx.safetensors exchange.csv --windows 5 --paths 200 --json",
    own="backtest",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("source", metavar="DATA", type=options.Source())
@options.seed
@options.json_output
@options.quiet
def command(model: Path, source: str, seed: int, as_json: bool, quiet: bool, **own: Any) -> None:
    """Score forecasts of what is known already.

    Forecasts the last windows of the series in DATA, one behind the other, each from what came before it, by the model
    in the file MODEL, which should not have been fitted to them. Beside it stand its own paths with the series shuffled
    apart, the last season again with the errors that this had before, and a vector autoregression where statsmodels is
    installed.

    Prints quantile losses over 19 levels divided by the mean absolute value (crps, and crps_sum of the sum over
    series), the mean CRPS and the energy score in the unit of the data, the share of values between the quantiles 0.05
    and 0.95, and the negative log-density in nats a step; but for the coverage, less is better.
    """
    from pushforward.cli.frame._layout import print_json, print_table
    from pushforward.cli.frame._opened import opened, require_command
    from pushforward.modalities._talk import Talk

    fitted, modality, given = opened(model, "backtest", own)
    require_command(model, modality, "backtest")
    talk = Talk(quiet=quiet)
    found = modality.backtest(fitted, source, given, seed, talk)
    if as_json:
        print_json(found.to_json())
        return
    print_table(found.header, found.cells())
    for note in found.notes:
        talk.say(note)
