"""What each command of `python -m benchmarks` does."""

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.cases import CASES, QUICK
from benchmarks.harness import compare, records, runner
from benchmarks.harness.ratios import against_rivals
from benchmarks.pages import parts, small
from benchmarks.speed import fits as fit_runs
from benchmarks.speed import moons as shell
from benchmarks.speed import scaling

PAGE = records.ROOT / "docs" / "benchmarks.md"
CATALOGUE = records.ROOT / "docs" / "catalogue.md"
FIT_SEEDS = 3
BUSY = 0.5
"""Load average from which a run says that its figures are noise."""

Command = Callable[[argparse.Namespace], int]


def time_cases(options: argparse.Namespace) -> int:
    if not _known(options):
        return 2
    names = options.names or (QUICK if options.quick else CASES)
    cases = [
        dataclasses.replace(CASES[name], dtype=options.dtype, batch=batch or CASES[name].batch)
        for name in names
        for batch in options.batch
    ]
    settings = dataclasses.replace(
        options.base, rounds=options.rounds, device=options.device, libraries=tuple(options.libraries)
    )
    what = "quick" if options.quick else "cases"
    journal = _journal(what, options.output, settings.device, dataclasses.asdict(settings))
    _finish(journal, lambda: runner.run(cases, settings, journal, _say))
    for (case, operation, rival), ratio in against_rivals(journal.records).items():
        print(f"{case:<18} {operation:<8} {rival:<10} {ratio}")
    return 0


def fits(options: argparse.Namespace) -> int:
    if not _known(options):
        return 2
    journal = _journal("fits", options.output, "cpu", {"seeds": FIT_SEEDS})
    names = options.names or list(fit_runs.FITS)
    return _finish(journal, lambda: fit_runs.run(names, FIT_SEEDS, journal, _say))


def scale(options: argparse.Namespace) -> int:
    if not _known(options):
        return 2
    journal = _journal("scaling", options.output, "cpu", dataclasses.asdict(scaling.SETTINGS))
    names = options.names or list(scaling.SWEEPS)
    return _finish(journal, lambda: scaling.run(names, scaling.SETTINGS, journal, _say))


def moons(options: argparse.Namespace) -> int:
    journal = _journal("moons", options.output, "cpu", {})
    return _finish(journal, lambda: shell.run(journal, _say))


def same(options: argparse.Namespace) -> int:
    from benchmarks.speed import same_function

    journal = _journal("same", options.output, "cpu", {})
    return _finish(journal, lambda: same_function.run(journal, _say))


def accelerator(options: argparse.Namespace) -> int:
    import jax

    from benchmarks.speed import accelerator as device

    name = "cpu" if jax.default_backend() == "cpu" else "gpu"
    journal = _journal("accelerator", options.output, name, {"minutes": options.minutes})
    return _finish(journal, lambda: device.run(options.minutes, journal, _say))


def catalogue(options: argparse.Namespace) -> int:
    from benchmarks.densities import catalogue as cells

    names, densities = options.names or cells.NAMES, options.densities or cells.DENSITIES
    for given, known in ((names, cells.NAMES), (densities, cells.DENSITIES)):
        if not _known(argparse.Namespace(names=given, known=known)):
            return 2
    path = options.output or (records.of_this_commit("catalogue") if options.resume else None)
    journal = _journal("catalogue", path, "cpu", cells.SETTINGS, go_on=options.resume)
    return _finish(journal, lambda: cells.run(names, densities, journal, _say))


def compare_runs(options: argparse.Namespace) -> int:
    now = options.now or next((path for path, _ in records.stored("cases")), None)
    before = options.against or (now and compare.earlier_run(now))
    if now is None or before is None:
        _say("nothing to compare with: fewer than two stored runs on this kind of device")
        return 0
    lines, slower = compare.report(before, now)
    print("\n".join(lines))
    return int(slower)


def write_table(options: argparse.Namespace) -> int:
    for part in parts.write(options.page):
        _say(f"{options.page.name}: {part}")
    for part in parts.write(CATALOGUE, parts=parts.catalogue_parts(CATALOGUE)) if options.page == PAGE else []:
        _say(f"{CATALOGUE.name}: {part}")
    if options.page == PAGE:
        small.write()
    return 0


def _known(options: argparse.Namespace) -> bool:
    unknown = [name for name in options.names if name not in options.known]
    if unknown:
        _say(f"error: nothing is called {unknown[0]!r}\nhint: choose from {', '.join(options.known)}")
    return not unknown


def _journal(
    what: str, output: Path | None, device: str, settings: dict[str, object], *, go_on: bool = False
) -> records.Journal:
    path = output if output is not None else records.new_path(what, device)
    journal = records.Journal(None if str(path) == "-" else path, go_on=go_on)
    if not journal.records:
        journal.write(records.header(what, device, settings))
    load = journal.records[0]["load_average"]
    if load > BUSY:
        _say(f"note: the load average is {load:.1f}; figures of a busy machine are noise")
    return journal


def _finish(journal: records.Journal, work: Callable[[], None]) -> int:
    start = time.monotonic()
    work()
    journal.write(records.footer(time.monotonic() - start))
    if journal.path is not None:
        _say(f"wrote {journal.path}")
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
