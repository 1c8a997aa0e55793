"""`pushforward classify`: the class of rows and images."""

from pathlib import Path
from typing import Any

import click

from pushforward.cli.frame import _options as options
from pushforward.cli.frame._command import command as make_command


@make_command(
    "pushforward classify species.safetensors new.csv -o classes.csv",
    "pushforward classify species.safetensors test.csv --truth species --prior a=1 --prior b=9 -o classes.csv",
    "pushforward classify digits.safetensors digits/ -o classes.csv",
    own="classify",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("source", metavar="DATA", type=options.Source())
@options.table_output
@options.quiet
def command(model: Path, source: str, output: str, quiet: bool, **own: Any) -> None:
    """Say of which class rows or images are.

    The model in the file MODEL learned rows given their class (`fit --condition CLASS`, one column of categories), or
    images given their labels (`fit --labels`). By Bayes' rule this gives the probability of each class: the output has
    one row for each row or image of DATA, with the likeliest class, the probability of each in a column p_..., and in
    log_prob the log-density in nats whatever the class, which is low for what is like none of them.
    """
    from pushforward.cli.frame._opened import opened, refuse_replaced, require_command
    from pushforward.modalities._talk import Talk

    fitted, modality, given = opened(model, "classify", own)
    require_command(model, modality, "classify")
    refuse_replaced(output, model, source)
    modality.classify(fitted, source, output, given, Talk(quiet=quiet))
