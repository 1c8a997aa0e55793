"""`pushforward sample`: new rows."""

from pathlib import Path

import click

from pushforward.cli import _options as options
from pushforward.cli._command import command as make_command


@make_command(
    "pushforward sample wine.safetensors -n 1000 -o samples.csv",
    "pushforward sample wine.safetensors -n 1000 --temperature 0.8 --seed 1 -o samples.parquet",
    "pushforward sample hue.safetensors -n 100 --given alcohol=13.2 --given magnesium=100",
    "pushforward sample hue.safetensors -n 10 --given-file rows.csv -o samples.csv",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "-n",
    "--rows",
    metavar="N",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="How many rows; with --given-file, how many for each of its rows.",
)
@options.table_output
@click.option(
    "--temperature",
    metavar="NUMBER",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Scale of the noise: below 1 for rows nearer to the mode, above 1 for wilder ones.",
)
@options.given
@click.option("--given-file", metavar="FILE", type=options.TableSource(), help="A table with the model's conditions.")
@options.seed
@options.quiet
def command(
    model: Path,
    rows: int,
    output: str,
    temperature: float,
    given: tuple[tuple[str, str], ...],
    given_file: str | None,
    seed: int,
    quiet: bool,
) -> None:
    """Draw new rows.

    Draws from the model in the file MODEL. The output has the model's own columns, in the units of the data that it
    was fitted to: integers are integers, and no value leaves its column's range. A conditional model needs to be told
    what to condition on, by --given or --given-file; the conditions are written behind the other columns, so that
    `score` can read the rows.
    """
    from pushforward.cli._sample_run import Request, run
    from pushforward.cli._talk import Talk

    run(Request(model, rows, output, temperature, dict(given), given_file, seed), Talk(quiet=quiet))
