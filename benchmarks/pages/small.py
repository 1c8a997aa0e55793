"""Tables of docs/images.md and docs/catalogue.md that have a file of results of their own, by their last records."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.harness.records import RESULTS, ROOT, Record, read
from benchmarks.pages.parts import replace_between
from benchmarks.pages.table import markdown

PUBLISHED = {"realnvp-image": "1.06 / 3.49", "glow": "1.05 / 3.35", "nsf-image": "- / 3.38", "flowpp": "- / 3.08"}
"""Bits per dimension on MNIST / CIFAR-10, full size; of TarFlow there is 2.99 on ImageNet of 64 x 64."""
IMAGES_HEAD = [
    "flow", "bits per dimension", "parameters", "steps", "seconds", "round trip", "sure of samples",
    "published, full size",
]  # fmt: skip
PAPERS_HEAD = ["paper", "parameters", "batch", "steps", "steps a second", "peak memory", "bits per dimension, held out"]
TABLES_HEAD = ["flow", "test nats", "median", "epochs", "training", "2,000 samples", "round trip"]


def write(folder: Path = RESULTS, docs: Path = ROOT / "docs") -> None:
    """Put each between its markers."""
    parts = (("images", "images", images_part), ("images", "papers", papers_part), ("catalogue", "tables", tables_part))
    for page, name, make in parts:
        path, stored = docs / f"{page}.md", folder / f"{name}.jsonl"
        body = make(read(stored)) if stored.exists() else "Not run yet."
        path.write_text(replace_between(path.read_text(), name, body))


def images_part(records: list[Record]) -> str:
    """A table for each set, best flow first, of the first seed; fits by default have no set."""
    return _by_set(
        [record for record in records if "set" in record and not record.get("seed")],
        IMAGES_HEAD,
        "bits_per_dim",
        _image_row,
    )


def papers_part(records: list[Record]) -> str:
    """A row for each paper and device."""
    last = {(record["paper"], record["device"]): record for record in records}
    rows = [
        [
            f"`{record['paper']}`, {record['device']}",
            f"{record['parameters']:,}",
            f"{record['batch_size']}",
            f"{record['steps']}",
            f"{record['steps_per_second']:.2g}",
            f"{record['peak_memory_mib'] / 1024:.1f} GiB",
            ", ".join(f"{bits:.2f}" for bits in record["bits_per_dim"]),
        ]
        for record in last.values()
    ]
    return markdown(PAPERS_HEAD, rows)


def tables_part(records: list[Record]) -> str:
    """The same for tables."""
    return _by_set(records, TABLES_HEAD, "test_nats", _table_row)


def _by_set(records: list[Record], head: list[str], score: str, row: Callable[[Record], list[str]]) -> str:
    last = {(record["set"], record["model"]): record for record in records}
    parts = []
    for name in dict.fromkeys(record["set"] for record in records):
        found = sorted((record for record in last.values() if record["set"] == name), key=lambda record: record[score])
        size = f", {found[0]['dim']} columns, {found[0]['rows']:,} rows" if "dim" in found[0] else ""
        parts += [f"**{name}**{size}", markdown(head, [row(record) for record in found])]
    return "\n\n".join(parts)


def _image_row(record: Record) -> list[str]:
    return [
        f"`{record['model']}`",
        f"{record['bits_per_dim']:.3f} ± {record['standard_error']:.3f}",
        f"{record['parameters']:,}",
        f"{record['steps']:,}",
        f"{record['seconds']:.0f}",
        f"{record['round_trip']:.0e}",
        f"{record['confidence_of_samples']:.2f}" if "confidence_of_samples" in record else "-",
        PUBLISHED.get(record["model"], "-") if record["set"] == "mnist" else "-",
    ]


def _table_row(record: Record) -> list[str]:
    return [
        f"`{record['model']}`",
        f"{record['test_nats']:.2f} ± {record['two_standard_errors']:.2f}",
        f"{record['median_nats']:.2f}",
        f"{record['epochs']} of {record['most_epochs']}",
        f"{record['train_seconds']:.0f} s",
        f"{record['sample_seconds']:.2f} s",
        f"{record['round_trip']:.0e}",
    ]
