"""`pushforward compare`: which flow for a table."""

from typing import Any

import click

from pushforward.cli.frame import _options as options
from pushforward.cli.frame._command import command as make_command
from pushforward.cli.frame._command import take_own
from pushforward.cli.frame._failures import WrongUsage


@make_command(
    "pushforward compare wine.csv",
    "pushforward compare wine.csv --flow maf,nsf,nsf-ar --folds 10",
    "pushforward compare wine.csv --condition alcohol --max-epochs 30 --json",
    own="compare",
)
@click.argument("source", metavar="DATA", type=options.Source())
@click.option(
    "--flow",
    "flows",
    metavar="A,B",
    multiple=True,
    show_default="maf,nsf,nsf-ar",
    help="Which flows; see `pushforward flows`. Repeatable.",
)
@click.option(
    "--folds",
    metavar="N",
    type=int,
    default=5,
    show_default=True,
    help="In how many parts the rows are divided; each is held out once.",
)
@options.training_options
@options.seed
@options.json_output
@options.quiet
def command(
    *, source: str, flows: tuple[str, ...], folds: int, seed: int, as_json: bool, quiet: bool, **given: Any
) -> None:
    """Compare flows on a table, by cross-validation.

    Divides the rows of DATA into folds, the same for all flows. Each flow is fitted without one fold and scored on it,
    in turn, and so are two baselines in closed form: gaussian, one Gaussian with a shrunk covariance, and independent,
    a law for each column alone. All densities are in the units of the table.

    Prints, for each, the mean negative log-density of rows that the fit had not seen, in nats per row (lower is
    better), by how much it is better than one Gaussian on the same rows, both with standard errors, and the seconds of
    a fit. `fit --flow auto` compares maf, nsf and one Gaussian, and fits the best.
    """
    from pushforward.cli.frame._layout import print_json, print_table
    from pushforward.modalities import modality_of
    from pushforward.modalities._settings import TRAINING
    from pushforward.modalities._talk import Talk

    names = tuple(name.strip() for group in flows for name in group.split(",") if name.strip())
    common = {option.name: given.pop(option.name) for option in TRAINING}
    common |= {"validation": common["validation"] or None, "random_state": seed}
    modality = modality_of(source)
    if "compare" not in modality.extra_commands:
        raise WrongUsage(f"{source} holds {modality.plural}, and `compare` is for tables.", "give a table")
    talk = Talk(quiet=quiet)
    comparison = modality.compare(
        source, names, take_own("compare", modality, given, ""), common=common, folds=folds, talk=talk
    )
    if as_json:
        print_json(comparison.to_json())
        return
    print_table(comparison.header, comparison.cells())
    for line in (comparison.legend(), *comparison.notes, comparison.verdict()):
        talk.say(line)
