"""`pushforward check`: whether a fit is good."""

from pathlib import Path
from typing import Any

import click

from pushforward.cli.frame import _options as options
from pushforward.cli.frame._command import command as make_command


@make_command(
    "pushforward check wine.safetensors new.csv",
    "pushforward check wine.safetensors new.csv --train wine.csv --json",
    own="check",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("source", metavar="DATA", type=options.Source())
@options.train
@options.level
@options.seed
@options.json_output
def command(model: Path, source: str, train: str | None, level: float, seed: int, as_json: bool, **own: Any) -> None:
    """Say whether a fit is good.

    Tests the model in the file MODEL against the rows of DATA, to which it must not have been fitted: their nats beside
    one Gaussian and independent columns, tests of each column, of the noise, and of all columns together, and whether
    the numbers are sound. Each test has a p-value and says what to try; the last line is the verdict: good,
    overfitted, underfitted, shifted, or different. Of a conditional model the ranks of the values among draws given
    their conditions are tested; the verdict is then good, too sure, too wide, biased, wrong in shape, or uneven, which
    is right on average and not everywhere.
    """
    from pushforward.cli.frame._layout import print_json
    from pushforward.cli.frame._opened import opened, require_command

    fitted, modality, given = opened(model, "check", own)
    require_command(model, modality, "check")
    found = modality.check(fitted, source, train, given, level=level, seed=seed)
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(str(found))
