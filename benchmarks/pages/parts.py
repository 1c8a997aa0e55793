"""docs/benchmarks.md: every part between its markers comes from the newest stored run of its kind."""

import math
import statistics
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness.ratios import OURS
from benchmarks.harness.records import RESULTS, Record, stored
from benchmarks.pages import figures
from benchmarks.pages.table import cases_part, markdown, provenance

NOTHING = "Not run yet."


Part = tuple[str, str, Callable[[Record], bool], Callable[[list[Record]], str]]
"""Name of the part, kind of run, which headers count, how it is written."""


def write(page: Path, folder: Path = RESULTS, *, parts: list[Part] | None = None) -> list[str]:
    """Write every part; what was written from where."""
    text, said = page.read_text(), []
    for name, what, accepts, make in parts or _parts(page):
        runs = [(path, found) for path, found in stored(what, folder) if accepts(found[0])]
        body = make(runs[0][1]) if runs else NOTHING
        text = replace_between(text, name, body)
        said.append(f"{name} from {runs[0][0].name}" if runs else f"{name}: nothing stored")
    page.write_text(text)
    return said


def replace_between(text: str, name: str, body: str) -> str:
    """Put `body` between `<!-- NAME -->` and `<!-- end NAME -->`.

    Raises:
        ValueError: If the text lacks a marker.
    """
    start, end = f"<!-- {name} -->", f"<!-- end {name} -->"
    if start not in text or end not in text:
        raise ValueError(f"the page has no `{start}` ... `{end}`; add both where the part should stand")
    head, rest = text.split(start, 1)
    return f"{head}{start}\n{body.strip()}\n{end}{rest.split(end, 1)[1]}"


def catalogue_parts(page: Path) -> list[Part]:
    """Of docs/catalogue.md."""
    from benchmarks.pages import catalogue

    return [("catalogue", "catalogue", _on_cpu, lambda found: catalogue.part(found, page.parent))]


def _parts(page: Path) -> list[Part]:
    return [
        ("cases", "cases", _on_cpu, cases_part),
        ("accelerator", "cases", lambda head: not _on_cpu(head), cases_part),
        ("same", "same", _on_cpu, _same_part),
        ("fits", "fits", _on_cpu, fits_part),
        ("moons", "moons", _on_cpu, _moons_part),
        ("scaling", "scaling", _on_cpu, lambda found: _scaling_part(found, page.parent)),
    ]


def _on_cpu(head: Record) -> bool:
    return head["device"] == "cpu"


def _same_part(records: list[Record]) -> str:
    rows = [
        [f"`{r['case']}`", r["library"], f"{r['rows']:,}", f"{r['largest_difference']:.1e} nats"]
        for r in records
        if r["kind"] == "same"
    ]
    return markdown(["flow", "weights of", "rows", "largest difference, float64"], rows)


def fits_part(records: list[Record]) -> str:
    """Median seconds over seeds until the loss was reached, how many seeds reached it, and ratios beside the aims."""
    groups: dict[str, dict[tuple[str, str], list[Record]]] = {}
    for record in records:
        if record["kind"] == "fit":
            by_who = groups.setdefault(record["fit"], {})
            by_who.setdefault((record["library"], record["start"]), []).append(record)
    who = list(dict.fromkeys(key for group in groups.values() for key in group))
    head = ["data and flow", "nats", *(f"{library}, {start}" for library, start in who)]
    rows = []
    for name, group in groups.items():
        target = next(iter(group.values()))[0]["target"]
        rows.append([name, f"{target:.3f}", *(_reached(group.get(key, [])) for key in who)])
    verdicts = [[name, *_verdicts(group)] for name, group in groups.items()]
    aims = markdown(
        ["data and flow", *(f"{rival}, wanted {wanted:g}x" for rival, wanted in FIT_AIMS.items())], verdicts
    )
    return f"{provenance(records)}\n\n{markdown(head, rows)}\n\nTheir time divided by ours:\n\n{aims}"


FIT_AIMS = {"zuko": 2.0, "flowjax": 1.3}
"""How many times longer a rival takes to the loss, at least."""


def _verdicts(group: dict[tuple[str, str], list[Record]]) -> list[str]:
    """For each rival the ratio with caches as they are in a second process, and in a first one; zuko has none."""
    cells = []
    for rival, wanted in FIT_AIMS.items():
        ratios = {}
        for start in ("warm", "cold"):
            theirs = _median_seconds(group.get((rival, start)) or group.get((rival, "cold"), []))
            ratios[start] = theirs / _median_seconds(group.get((OURS, start), []))
        each = (f"{start} {ratio:.2f}x {'met' if ratio >= wanted else '**missed**'}" for start, ratio in ratios.items())
        cells.append(", ".join(each))
    return cells


def _median_seconds(found: list[Record]) -> float:
    """A run that never reached the loss takes forever."""
    times = (math.inf if record["reached_s"] is None else record["reached_s"] for record in found)
    return statistics.median(times) if found else math.nan


def _reached(found: list[Record]) -> str:
    if not found:
        return "-"
    seconds, count = _median_seconds(found), sum(record["reached_s"] is not None for record in found)
    share = "" if count == len(found) else f" ({count} of {len(found)} seeds)"
    return f"{seconds:.1f} s{share}" if math.isfinite(seconds) else f"not reached{share}"


def _moons_part(records: list[Record]) -> str:
    rows = [
        [r["start"], f"{r['seconds']:.1f} s", f"{r['test_nats']:.3f}", f"`{' '.join(r['options'])}`"]
        for r in records
        if r["kind"] == "moons"
    ]
    return f"{provenance(records)}\n\n{markdown(['cache', 'process start to file', 'test nats', 'options'], rows)}"


def _scaling_part(records: list[Record], folder: Path) -> str:
    pictures = figures.draw(records, folder / figures.FOLDER)
    alts = ("Cost against rows, layers, width and dimension", "Sampling cost in density passes, and compile time")
    links = [f"![{alt}]({figures.FOLDER}/{path.name})" for alt, path in zip(alts, pictures, strict=True)]
    return "\n\n".join([provenance(records), *links, _compile_table(records)])


def _compile_table(records: list[Record]) -> str:
    """A row per flow and library, a column per number of layers, and how the last compares with five layers."""
    found: dict[tuple[str, str], dict[int, float]] = {}
    for record in figures.compiled(records):
        by_layers = found.setdefault((record["case"]["family"], record["library"]), {})
        by_layers[record["value"]] = figures.compile_seconds(record)
    layers = sorted({count for by_layers in found.values() for count in by_layers})
    rows = []
    for (family, library), by_layers in found.items():
        cells = [f"{by_layers[n]:.1f} s" if n in by_layers else "-" for n in layers]
        growth = f"{by_layers[20] / by_layers[5]:.1f}x" if {5, 20} <= set(by_layers) else "-"
        rows.append([family, library, *cells, growth])
    head = ["flow, D = 6", "library", *(f"{count} layers" for count in layers), "20 against 5"]
    return f"Seconds to compile a training step:\n\n{markdown(head, rows)}"
