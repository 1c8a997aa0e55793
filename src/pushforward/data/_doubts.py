"""Sentences on columns that a flow can fit only poorly, or that mean something else than a measurement."""

import re
from collections.abc import Iterator

import numpy as np

from pushforward._errors import shell_names
from pushforward.data._categories import LEAST_ROWS, listed, numbers_recur
from pushforward.data._coding import numbers
from pushforward.data._kinds import MOST_ATOMS, WITH_ATOMS, KindSpec
from pushforward.data._schema import Column, Schema
from pushforward.data._support import mean_and_spread
from pushforward.data._tables import Table, quoted

FLOAT64_RATIO = 1e12
"""|mean| / spread above which float64 (16 digits) keeps fewer than about 5,000 steps per spread."""
SPIKE_SHARE = 0.1
"""A value of a continuous column that makes up more than this share of the rows is reported."""
ATOM_SHARE, ATOM_RATIO = 0.05, 10.0
"""A value is an atom when it makes up this share of the rows, and so many times as many as any value that is none."""
LEAST_AWAY = 20
"""So many rows, of different values, must lie elsewhere."""
DEPENDENT = 3e-3
"""A column that a linear function of others gives up to this share of its spread is reported: sums are rounded."""
LOOKED_AT = 4096
MOST_COLUMNS = 500
"""Rows and columns that are looked at for linear dependence, which takes half a second for so many."""
LEAST_COUNTED = 20
"""From so many rows on, whole numbers that go up by one from row to row are row numbers."""
ASKED = "as asked for"
"""How the note of a column begins whose kind the user has said."""
IDENTIFIER = re.compile(r"(^|[^a-z])(id|ids|uuid|guid|key|index|rownames?|nr|no)$", re.IGNORECASE)


def repeated(cells: np.ndarray) -> tuple[float, ...]:
    """Values of a continuous column that are repeated as no density repeats them, rising.

    Rounding repeats values too, but neighbours about as often.
    """
    values, counts = np.unique(cells.astype(np.float64), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    falling = counts[order]
    often = int(np.sum(falling >= ATOM_SHARE * len(cells)))
    for count in range(min(often, MOST_ATOMS), 0, -1):
        rest = falling[count:]
        if rest.sum() >= LEAST_AWAY and len(rest) >= LEAST_AWAY // 2 and falling[count - 1] >= ATOM_RATIO * rest[0]:
            return tuple(np.sort(values[order[:count]]).tolist())
    return ()


def share_sentence(cells: np.ndarray, atoms: tuple[float, ...]) -> str:
    """`95.0 % of the rows are exactly 0`, or of several values."""
    shares = [f"{100 * float(np.mean(cells == atom)):.1f} % exactly {atom:.15g}" for atom in atoms]
    return " and ".join(", ".join(shares).rsplit(", ", 1)) + " among the rows"


def column_warnings(table: Table, schema: Schema) -> tuple[str, ...]:
    """What a user should know before the fit: lost digits, spikes, values on an edge, identifiers, dependent columns.

    Args:
        table: The rows.
        schema: Its columns.
    """
    cells = {column.name: numbers(table, column.name) for column in schema.columns if column.kind != "categorical"}
    found = [
        line for column in schema.columns if column.name in cells for line in _of_column(column, cells[column.name])
    ]
    few = [_of_few(column) for column in schema.columns if column.labels is not None and not _is_asked(column)]
    return (*found, *few, *_dependent(cells, {column.name for column in schema.columns if column.kind == "circular"}))


def _is_asked(column: Column) -> bool:
    return column.note.startswith(ASKED)


def _of_few(column: Column) -> str:
    return (
        f"{column.name!r}: its {len(column.categories)} numbers ({listed(column.categories)}) are learned as "
        "probabilities, and any other has density 0; if there are others, say unbounded."
    )


def _of_column(column: Column, cells: np.ndarray) -> Iterator[str]:
    rows = len(cells)
    if column.atoms and not _is_asked(column):
        yield (
            f"{column.name!r}: {share_sentence(cells, column.atoms)}: these are learned as probabilities, the rest as "
            f"a density; if that is not meant, say {_without_atoms(column)}."
        )
    cells = column.support.away(cells)
    mean, spread = mean_and_spread(cells)
    if spread and abs(mean) > FLOAT64_RATIO * spread:
        yield (
            f"{column.name!r}: the mean {mean:.6g} is {abs(mean) / spread:.2g} times the spread {spread:.3g}, "
            "so even float64 loses digits; subtract an offset before fitting."
        )
    yield from identifier_sentences(column.name, cells)
    if column.kind == "integer":
        return
    if column.kind == "bounded" and (on_edge := int(np.sum((cells == column.low) | (cells == column.high)))):
        yield (
            f"{column.name!r}: {on_edge} of {len(cells)} values lie on the edge of {column.spec}; "
            "if they are real, give wider limits."
        )
    values, counts = np.unique(cells, return_counts=True)
    top = int(np.argmax(counts))
    if column.kind in WITH_ATOMS and numbers_recur(cells):
        yield (
            f"{column.name!r} holds {len(values)} numbers again and again, such as {values[top]:.6g}; a density grows "
            "spikes there, and its log-likelihood means little; say categorical."
        )
    elif len(cells) >= LEAST_ROWS and counts[top] > SPIKE_SHARE * rows:
        atoms = tuple(sorted((*column.atoms, float(values[top]))))
        fits = column.kind in WITH_ATOMS and np.count_nonzero(~np.isin(values, atoms)) > 1
        hint = f"; say {column.spec._replace(atoms=atoms)}" if fits else ""
        yield (
            f"{column.name!r}: {values[top]:.6g} makes up {counts[top] / rows:.0%} of the rows; a density "
            f"grows a spike there, and its log-likelihood means little{hint}."
        )


def _without_atoms(column: Column) -> KindSpec:
    """A kind that holds all values of the column."""
    held = column.support._replace(atoms=()).contains(np.array(column.atoms)).all()
    return column.spec._replace(atoms=()) if held else KindSpec("unbounded")


def identifier_sentences(name: str, cells: np.ndarray) -> Iterator[str]:
    if len(cells) < LEAST_COUNTED or not np.array_equal(cells, np.floor(cells)):
        return
    hint = f"if it measures nothing, leave it out (`--drop {shell_names([name])}`)."
    if (np.diff(cells) == 1).all():
        yield f"{name!r} counts the rows, from {cells[0]:.15g} to {cells[-1]:.15g}: {hint}"
    elif IDENTIFIER.search(name.strip()) and len(np.unique(cells)) == len(cells):
        yield f"{name!r} is another whole number in every row, as identifiers are: {hint}"


def _dependent(cells: dict[str, np.ndarray], circular: set[str]) -> Iterator[str]:
    """Columns that are linear functions of those before them: in a plane there is no density."""
    names = [name for name in cells if name not in circular][:MOST_COLUMNS]
    if len(names) < 2:
        return
    rows = len(cells[names[0]])
    places = np.unique(np.linspace(0, rows - 1, min(rows, LOOKED_AT)).astype(int))
    x = np.stack([cells[name][places].astype(np.float64) for name in names], axis=1)
    x -= x.mean(axis=0)
    scale = np.abs(x).max(axis=0)
    x /= np.where(scale > 0, scale, 1.0)  # so that no square leaves float64
    norms = np.linalg.norm(x, axis=0)
    kept = norms > 0
    names, x = [name for name, keep in zip(names, kept, strict=True) if keep], x[:, kept] / norms[kept]
    if len(places) <= len(names) + 1:
        return  # so few rows lie in a plane anyway
    independent: list[int] = []
    basis = np.empty((len(x), 0))
    for place, name in enumerate(names):
        column = x[:, place]
        share = basis.T @ column
        rest = column - basis @ share
        if np.linalg.norm(rest) > DEPENDENT:
            rest -= basis @ (basis.T @ rest)
            basis = np.column_stack([basis, rest / np.linalg.norm(rest)])
            independent.append(place)
            continue
        yield _told(name, [names[i] for i in independent], x[:, independent], column)


def _told(name: str, others: list[str], x: np.ndarray, column: np.ndarray) -> str:
    weights = np.linalg.lstsq(x, column, rcond=None)[0]
    of = [other for other, weight in zip(others, weights, strict=True) if abs(weight) > DEPENDENT]
    what = f"follows {of[0]!r}" if len(of) == 1 else f"is a linear function of {quoted('column', of)}"
    return (
        f"{name!r} {what}: together they lie in a plane, where a density grows without end; "
        f"leave one of them out (`--drop {shell_names([name])}`)."
    )
