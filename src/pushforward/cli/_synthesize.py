"""`pushforward synthesize`: a table to share in the place of another."""

from pathlib import Path
from typing import Any

import click

from pushforward.cli.frame import _options as options
from pushforward.cli.frame._command import command as make_command
from pushforward.cli.frame._command import take_own
from pushforward.cli.frame._failures import WrongUsage

IN_WORDS = "-"
"""The report in words, in the place of a file."""


@make_command(
    "pushforward synthesize patients.csv -n 10000 -o synthetic.csv --report",
    "pushforward synthesize patients.csv -o synthetic.csv --report=report.html --target outcome --drop patient_id",
    "pushforward synthesize patients.csv -o synthetic.parquet --flow nsf --max-epochs 50 --json",
    own="synthesize",
)
@click.argument("source", metavar="DATA", required=False, type=options.Source())
@click.option(
    "-n",
    "--rows",
    metavar="N",
    type=click.IntRange(1),
    show_default="as many as DATA has",
    help="How many rows to draw.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    help="Where to: a .csv, .tsv, .parquet, .feather, .arrow, .npy or .npz file; - is CSV to standard output.",
)
@click.option(
    "--report",
    metavar="[=FILE]",
    is_flag=False,
    flag_value=IN_WORDS,
    help="Say how good the rows are and what they tell of those of DATA: in words, and with --report=FILE.html as a "
    "page too.",
)
@click.option(
    "--flow",
    type=options.FlowName(),
    show_default="nsf-ar",
    help="Which flow learns how the columns depend on each other; see `pushforward flows`.",
)
@options.settings
@options.training_options
@options.seed
@options.json_output
@options.quiet
def command(
    *,
    source: str | None,
    rows: int | None,
    output: str,
    report: str | None,
    flow: str | None,
    settings: tuple[tuple[str, Any], ...],
    seed: int,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Make a table that can be shared in the place of another.

    Learns the table DATA by a flow, without a fifth of its rows, and draws new rows of the same columns, types and
    limits. The report says how good they are and how private, by figures with their errors and a sentence each: whether
    trees can tell them from real rows, whether they serve to predict, whether they are nearer to the rows that were
    learned from than to other people's, and what attackers find out. Each stands beside the same figure of columns
    drawn independently and of a copy of DATA. The verdict is the last line.

    Columns that name rows are refused: drop them. Rows are new, but values of categories are those of DATA.
    """
    from pushforward.cli.frame._layout import print_json
    from pushforward.modalities import modality_of
    from pushforward.modalities._settings import TRAINING
    from pushforward.modalities._talk import Talk

    if source is None:
        raise _no_source(report)
    talk = Talk(quiet=quiet)
    page = None if report in (None, IN_WORDS) else Path(report)
    _check_targets(source, output, page, as_json=as_json)
    modality = modality_of(source)
    if "synthesize" not in modality.extra_commands:
        raise WrongUsage(f"{source} holds {modality.plural}, and `synthesize` is for tables.", "give a table")
    common = {option.name: given.pop(option.name) for option in TRAINING}
    common = _settings(common, flow, settings, modality) | {"random_state": seed, "progress": not quiet}
    made = modality.synthesize(
        source, output, rows, take_own("synthesize", modality, given, ""), common=common, talk=talk
    )
    _write(made.table, output, talk)
    if report is None and not as_json:
        talk.say("how good and how private they are, --report says")
        return
    more = made.judged.num_rows - made.table.num_rows
    talk.say("judging them" + (f", with {more:,} more of the same generator" if more else "") + " ...")
    found = made.assess()
    if page is not None:
        made.page(found).write(page)
        talk.say(f"wrote the report to {page}")
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(str(found), err=output == "-")


def _no_source(report: str | None) -> WrongUsage:
    """What to say where there are no data; `--report DATA` takes them for the name of its file."""
    if report in (None, IN_WORDS):
        return WrongUsage("Missing argument 'DATA'.", "see `pushforward synthesize --help`")
    return WrongUsage(f"--report took {report} as its file, and no data are left.", "give DATA before --report")


def _settings(
    common: dict[str, Any], flow: str | None, settings: tuple[tuple[str, Any], ...], modality: Any
) -> dict[str, Any]:
    """The settings of the fit; a usage error if the flow is for other data, or has no such option."""
    from pushforward.cli.fitting._request import check_recipe

    name = flow or modality.generator
    if not modality.takes(name):
        raise WrongUsage(f"--flow {name} is not for {modality.plural}.", f"choose one such as {modality.generator}")
    check_recipe(name, settings, conditional=False)
    return common | {"flow": name, "options": dict(settings), "validation": common["validation"] or None}


def _check_targets(source: str, output: str, page: Path | None, *, as_json: bool) -> None:
    """Find out before the training what would make writing fail after it."""
    from pushforward.cli.fitting._request import check_target
    from pushforward.cli.frame._opened import refuse_replaced
    from pushforward.data._write import check_output

    if output == "-":
        if as_json:
            raise WrongUsage("--json and `-o -` both write to standard output.", "give the rows a file with -o")
    else:
        check_output(output)
    if page is not None and page.suffix.lower() not in (".html", ".htm"):
        raise WrongUsage(f"--report={page}: a report is a page.", f"give a name such as {page.with_suffix('.html')}")
    files = [path for path in (None if output == "-" else Path(output), page) if path is not None]
    for path in files:
        check_target(path)
        refuse_replaced(path, source)


def _write(table: Any, output: str, talk: Any) -> None:
    from pushforward.data import write_table
    from pushforward.modalities._talk import plural

    write_table(output, table)
    talk.say(f"wrote {plural(table.num_rows, 'row')} to {'standard output' if output == '-' else output}")
