"""The report on a synthetic table as a page."""

from pathlib import Path

from pushforward.diagnostics.synthetic import Assessment
from pushforward.reports import Facts, Page, Section, Table, Verdict, Words

READ = (
    "Each figure stands beside those of two tables that nobody wants: the training rows with every column shuffled on "
    "its own, and a copy of the training rows. By some scores in use these two are the best tables of all. After ± "
    "stands one standard error; the ideal is what new rows of the same source would have."
)
COLUMNS = (
    "Shape: how alike the column is, from 0 to 1. From synthetic, from real: how well gradient-boosted trees predict "
    "the column on rows that were held out. Disclosure: by how much better the column is guessed of people in the "
    "training rows than of others, from the rest of their rows; 0 is none."
)


def page_of(found: Assessment, source: str, flow: str) -> Page:
    """The page on one table.

    Args:
        found: What was measured.
        source: The real table, of which the file name is told.
        flow: That drew the rows.
    """
    told = [
        Verdict(figure.passed, figure.name, figure.says, figure.then if figure.passed is False else "")
        for figure in found.figures
    ]
    quality = [part for part, figure in zip(told, found.figures, strict=True) if figure.about == "quality"]
    of_model = [part for part, figure in zip(told, found.figures, strict=True) if figure.about == "model"]
    privacy = [part for part, figure in zip(told, found.figures, strict=True) if figure.about == "privacy"]
    facts = Facts(
        [
            ("real table", Path(source).name),
            ("flow", flow),
            *((name.replace("_", " ") + " rows", f"{count:,}") for name, count in found.rows.items()),
        ]
    )
    return Page(
        "A synthetic table: may it be shared?",
        [
            Section("In short", [facts, Words(READ), Table(found.header(), found.cells())]),
            Section("How good it is", quality),
            Section("What it tells of the rows of training", privacy),
            *([Section("What the model tells of them", of_model)] if of_model else []),
            Section("Column by column", [Words(COLUMNS), Table(found.column_header(), found.column_cells())]),
            *([Section("Notes", [Words(note) for note in found.notes])] if found.notes else []),
        ],
        lead=[Verdict(found.private and found.useful, "Verdict", found.verdict(), large=True)],
        foot="Written by `pushforward synthesize`. The page holds no rows of either table.",
    )
