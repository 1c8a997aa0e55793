"""Speed of pushforward beside zuko, normflows, nflows and FlowJAX.

Without a command: everything, stored in benchmarks/results/ and written into docs/benchmarks.md.
"""

import argparse
import sys
from pathlib import Path

from benchmarks import commands
from benchmarks.adapters import LIBRARIES
from benchmarks.cases import CASES
from benchmarks.harness import runner
from benchmarks.speed.fits import FITS
from benchmarks.speed.scaling import SWEEPS


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    # What `make bench` and `make bench-quick` call.
    arguments = {(): ["all"], ("--quick",): ["quick"]}.get(tuple(arguments), arguments)
    options = _parser().parse_args(arguments)
    return options.command(options)


def everything(options: argparse.Namespace) -> int:
    """One after another: two at once would disturb each other."""
    for name in ("same", "run", "fits", "moons", "scale", "catalogue", "table", "compare"):
        print(f"== {name}", file=sys.stderr, flush=True)
        if code := main([name]):
            return code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_subparsers(required=True, metavar="COMMAND").add_parser
    _add_timing(add("run", help="time cases in all libraries, in turns"), runner.Settings(), quick=False)
    _add_timing(add("quick", help="the same for four cases, in under 6 minutes"), runner.QUICK_SETTINGS, quick=True)
    _add_named(add("fits", help="time to zuko's validation loss, from process start"), FITS, commands.fits)
    _add_named(add("scale", help="cost against rows, layers, width and dimension"), SWEEPS, commands.scale)
    for name, command, text in (
        ("moons", commands.moons, "two moons from the shell, with a cold and a warm cache"),
        ("same", commands.same, "densities of a rival's weights in our parts"),
        ("all", everything, "all of these, then the table"),
    ):
        _add_output(add(name, help=text), command)
    catalogue = add("catalogue", help="every recipe on six densities in the plane")
    catalogue.add_argument("names", nargs="*", metavar="RECIPE", help="default: all on a line")
    catalogue.add_argument("--densities", nargs="+", metavar="NAME", help="default: all six")
    catalogue.add_argument("--resume", action="store_true", help="go on with the run of this commit, or with -o FILE")
    _add_output(catalogue, commands.catalogue)
    device = add("accelerator", help="all there is to measure on a GPU, in a stated time")
    device.add_argument("--minutes", type=float, default=24.0, help="nothing is begun after them (default 24)")
    _add_output(device, commands.accelerator)
    compare = add("compare", help="set a run's ratios beside an earlier run's; exit 1 if one got worse")
    compare.add_argument("now", type=Path, nargs="?", help="default: the newest stored run")
    compare.add_argument("--against", type=Path, help="default: the run before it on the same kind of device")
    compare.set_defaults(command=commands.compare_runs)
    table = add("table", help="write the newest stored results into docs/benchmarks.md")
    table.add_argument("--page", type=Path, default=commands.PAGE)
    table.set_defaults(command=commands.write_table)
    return parser


def _add_timing(command: argparse.ArgumentParser, base: runner.Settings, *, quick: bool) -> None:
    command.add_argument("names", nargs="*", metavar="CASE", help=f"any of {', '.join(CASES)}")
    command.add_argument("--libraries", nargs="+", choices=list(LIBRARIES), default=list(LIBRARIES))
    command.add_argument("--rounds", type=int, default=base.rounds, help="turns per library (default %(default)s)")
    command.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    command.add_argument("--dtype", choices=["float32", "bfloat16", "float64"], default="float32")
    command.add_argument(
        "--batch", type=int, nargs="+", default=[None], help="rows per step; several make several cases"
    )
    _add_output(command, commands.time_cases)
    command.set_defaults(base=base, quick=quick, known=CASES)


def _add_named(command: argparse.ArgumentParser, known: dict, function: commands.Command) -> None:
    command.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(known)}")
    command.set_defaults(known=known)
    _add_output(command, function)


def _add_output(command: argparse.ArgumentParser, function: commands.Command) -> None:
    command.add_argument(
        "-o", "--output", type=Path, help="default: a new file in benchmarks/results/; - stores nothing"
    )
    command.set_defaults(command=function)


if __name__ == "__main__":
    sys.exit(main())
