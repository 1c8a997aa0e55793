"""The tables of a run of cases, in Markdown."""

import statistics

from benchmarks.adapters import LIBRARIES
from benchmarks.cases import CASES, DEVIATIONS, OPERATIONS, Case, Operation, work_of
from benchmarks.harness.ratios import OURS, Ratio, against_rivals, in_passes, results
from benchmarks.harness.records import Record
from benchmarks.pages.aims import AIMS, measured

RIVALS = tuple(name for name in LIBRARIES if name != OURS)
TITLES: dict[Operation, str] = {
    "train": "Training step",
    "density": "Density",
    "sample": "Sampling",
}


def cases_part(records: list[Record]) -> str:
    """What ran where, a table per operation, the figures, and the notes."""
    tables = [_operation_table(records, operation) for operation in TITLES]
    parts = [
        provenance(records),
        *tables,
        _floor_table(records),
        _start_table(records),
        _aims_table(records),
        _notes(records),
    ]
    return "\n\n".join(part for part in parts if part)


def provenance(records: list[Record]) -> str:
    """One paragraph: device, versions, commit, load."""
    head = records[0]
    versions = head["versions"]
    listed = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    changed = " with uncommitted changes" if head["uncommitted_changes"] else ""
    load = f"load average {head['load_average']:.1f} at the start"
    return (
        f"{head['started'][:10]}, {head['cpu']}, {head['cores']} cores, device {head['device_label']}, {load}; "
        f"commit {head['commit']}{changed}; Python {head['python']}; {listed}."
    )


def _operation_table(records: list[Record], operation: Operation) -> str:
    by_key, ratios = results(records), against_rivals(records)
    labels = [label for (label, library) in by_key if library == OURS]
    labels = [label for label in labels if by_key[label, OURS]["seconds"].get(operation)]
    if not labels:
        return ""
    passes = ["density passes"] if operation == "sample" else []
    rows = []
    for label in labels:
        record = by_key[label, OURS]
        rows_per_call = work_of(Case.from_json(record["case"]), operation)
        cells = [f"`{label}`", f"{rows_per_call:,}", milliseconds(statistics.median(record["seconds"][operation]))]
        cells += [_cell(by_key.get((label, rival)), ratios.get((label, operation, rival))) for rival in RIVALS]
        rows.append(cells + [_passes(record) for _ in passes])
    head = ["case", "rows", "pushforward", *RIVALS, *passes]
    return f"### {TITLES[operation]}\n\n{OPERATIONS[operation]}\n\n{markdown(head, rows)}"


def _cell(record: Record | None, ratio: Ratio | None) -> str:
    if ratio is not None:
        return str(ratio)
    return "failed" if record is not None and record["error"] else "-"


def _passes(record: Record) -> str:
    passes = in_passes(record)
    return "-" if passes is None else f"{passes.median:.1f}"


def _start_table(records: list[Record]) -> str:
    """Seconds from an idle process to a warm one, and memory."""
    rows = []
    for (label, library), record in results(records).items():
        if record["error"] is None:
            first = record["first_s"].get("train", record["first_s"].get("density", 0.0))
            start = record["import_s"] + record["build_s"]
            rows.append(
                [f"`{label}`", library, f"{start:.1f} s", f"{first:.1f} s", f"{record['peak_rss_mib']:.0f} MiB"]
            )
    head = ["case", "library", "import and build", "first training steps", "peak memory"]
    return f"### Start and memory\n\nCompilation caches are off.\n\n{markdown(head, rows)}"


def _floor_table(records: list[Record]) -> str:
    """Our training step beside the time of its matrix products alone at the device's measured rate."""
    rows = []
    for (label, library), record in results(records).items():
        if library == OURS and record["error"] is None and record["seconds"].get("train"):
            step = statistics.median(record["seconds"]["train"])
            floor = record["matmul_flops"]["train"] / record["matmul_peak_flops"]
            rate = f"{record['matmul_peak_flops'] / 1e9:,.0f} GFLOP/s"
            rows.append([f"`{label}`", milliseconds(step), milliseconds(floor), f"{100 * floor / step:.0f} %", rate])
    head = ["case", "training step", "its matrix products alone", "share", "rate of a 2048 x 2048 product"]
    return f"### Distance to the floor\n\n{markdown(head, rows)}" if rows else ""


def _aims_table(records: list[Record]) -> str:
    ratios, by_key = against_rivals(records), results(records)
    rows = []
    for aim in AIMS:
        value = measured(aim, ratios, by_key)
        if value is not None:
            passes = aim.rival == "passes"
            shown = f"{value.median:.1f}" if passes else str(value)
            verdict = "met" if aim.met(value.median) else "**missed**"
            rows.append([f"`{aim.case}`", aim.operation, aim.words, f"{aim.aim:g}", shown, verdict])
    head = ["case", "operation", "figure", "aim", "measured", ""]
    return f"### Figures\n\n{markdown(head, rows)}" if rows else ""


def _notes(records: list[Record]) -> str:
    lines = ["### Where the models differ", ""]
    families = {CASES[r["case"]["name"]].family for r in results(records).values() if r["case"]["name"] in CASES}
    for library, notes in DEVIATIONS.items():
        lines += [f"- {library}, {family}: {note}." for family, note in notes.items() if family in {*families, "all"}]
    failed = [f"- {r['label']}, {library}: {r['error']}" for (_, library), r in results(records).items() if r["error"]]
    return "\n".join([*lines, *(["", "Failed:", "", *failed] if failed else [])])


def milliseconds(seconds: float) -> str:
    digits = 0 if seconds >= 0.1 else 1 if seconds >= 0.01 else 2
    return f"{1e3 * seconds:.{digits}f} ms"


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A pipe table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
