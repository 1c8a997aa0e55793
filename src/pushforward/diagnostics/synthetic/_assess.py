"""All figures of a synthetic table, beside those of two tables that nobody wants."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import ArrayLike

from pushforward.diagnostics.synthetic._assessment import CANDIDATES, Assessment, ColumnFigures, Figure
from pushforward.diagnostics.synthetic._columns import Shapes, column_shapes, pair_trends
from pushforward.diagnostics.synthetic._detection import detection_score
from pushforward.diagnostics.synthetic._disclosure import Disclosure, attribute_disclosure
from pushforward.diagnostics.synthetic._estimate import Estimate, mean_of
from pushforward.diagnostics.synthetic._membership import Membership, membership_by_distance, membership_inference
from pushforward.diagnostics.synthetic._near import LEVEL, near_copies
from pushforward.diagnostics.synthetic._rows import Coded, coded
from pushforward.diagnostics.synthetic._usefulness import Usefulness, train_synthetic_test_real

MOST_TARGETS = 10
"""Columns that are predicted where no target is named, at most."""
FEW_HELD_OUT = 1_000
"""With fewer rows than this a report says that its errors are large."""
NEAR, AREA, RISK = 0.03, 0.55, 0.05
"""From here on a share of near-copies, an area under a ROC curve and a risk of disclosure count, if they are beyond
what chance brings too."""
ERRORS = 3.0
"""So many standard errors beyond the ideal are more than chance."""


class Tables(NamedTuple):
    """What is compared.

    Attributes:
        train: Real rows that the model was fitted to.
        held_out: Real rows that it has not seen.
        candidates: By name, tables that stand for the training rows.
    """

    train: Coded
    held_out: Coded
    candidates: dict[str, Coded]

    def each(self, figure: Callable[[Coded], Any]) -> dict[str, Any]:
        """A figure of every candidate."""
        return {name: figure(rows) for name, rows in self.candidates.items()}


def assess(
    train: Any,
    held_out: Any,
    synthetic: Any,
    *,
    targets: Sequence[str] | None = None,
    log_prob: tuple[ArrayLike, ArrayLike] | None = None,
    seed: int = 0,
) -> Assessment:
    """How good a synthetic table is and how much it tells of its training rows, whatever made it.

    Every figure stands beside those of columns drawn independently and of a copy of the training rows: by some scores
    in use these two are the best tables of all.

    Args:
        train: Real rows that the model was fitted to.
        held_out: Real rows of the same source that it has not seen.
        synthetic: Rows of the model.
        targets: Columns to predict, to see whether the table is of use; all, or the first ten, where none is named.
        log_prob: Log-densities of training rows and of held-out rows by the model, if it has them.
        seed: Of all randomness.

    Raises:
        DataError: If the columns differ, a target is no column, or a table has fewer than ten rows.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(90, 2))
        >>> found = assess(x[:30], x[30:60], x[60:], targets=["x1"])
        >>> found.rows
        {'train': 30, 'held_out': 30, 'synthetic': 30}
    """
    known, others, drawn = coded("assess", train=train, held_out=held_out, synthetic=synthetic)
    for target in targets or ():
        known.place("assess", target)
    rng = np.random.default_rng(seed)
    tables = Tables(known, others, {"synthetic": drawn, "independent": _independent(known, rng), "copy": known})
    several = len(known.names) > 1
    names = list(targets) if targets else list(known.names[:MOST_TARGETS])
    shapes = tables.each(lambda rows: column_shapes(known, rows, seed=seed))
    useful = _usefulness(tables, names, seed) if several else {}
    risks = _risks(tables, seed) if several else {}
    figures = [*_quality(tables, shapes, useful, seed), *_privacy(tables, risks, seed), *_of_model(log_prob)]
    notes = []
    if several and not targets and len(known.names) > len(names):
        notes.append(f"only the first {len(names)} columns were predicted; name others as targets.")
    if not several:
        notes.append("there is one column alone: nothing to predict, no pairs, and no secret to guess from others.")
    if len(others) < FEW_HELD_OUT:
        notes.append(
            f"only {len(others)} rows were held out: the errors are large, and what an attacker finds out may hide in "
            "them."
        )
    counts = {"train": len(known), "held_out": len(others), "synthetic": len(drawn)}
    columns = tuple(_column(name, shapes["synthetic"], useful, risks) for name in known.names)
    return Assessment(counts, tuple(figures), columns, tuple(notes))


def _independent(known: Coded, rng: np.random.Generator) -> Coded:
    columns = [rng.permutation(cells) for cells in known.values.T]
    return Coded(known.names, np.stack(columns, axis=1), known.sizes)


def _usefulness(tables: Tables, names: Sequence[str], seed: int) -> dict[str, dict[str, Usefulness]]:
    """By target and candidate; a copy is what the others stand beside."""
    found = {}
    for name in names:
        found[name] = {
            candidate: train_synthetic_test_real(
                tables.candidates[candidate], tables.held_out, name, train=tables.train, seed=seed
            )
            for candidate in CANDIDATES[:2]
        }
    return found


def _risks(tables: Tables, seed: int) -> dict[str, Disclosure]:
    drawn = tables.candidates["synthetic"]
    return {name: attribute_disclosure(tables.train, tables.held_out, drawn, name, seed=seed) for name in drawn.names}


def _quality(
    tables: Tables, shapes: dict[str, Shapes], useful: dict[str, dict[str, Usefulness]], seed: int
) -> list[Figure]:
    scores = tables.each(lambda rows: detection_score(tables.train, rows, seed=seed))
    apart = tables.each(lambda rows: detection_score(tables.held_out, rows, seed=seed))
    better = scores["synthetic"].value - scores["independent"].value
    of_chance = ERRORS * float(np.hypot(scores["synthetic"].error, scores["independent"].error))
    unseen = scores["synthetic"].value + ERRORS * scores["synthetic"].error >= 1
    single = len(tables.train.names) == 1
    found = [
        Figure(
            *("detection score", "quality", 1.0, scores, False),
            None if single else better > of_chance or unseen,
            f"gradient-boosted trees are right on {_right(scores['synthetic'])} of pairs of a real and a synthetic "
            "row; 1 stands for half of them, which is guessing, 0 for all.",
            "train longer, on more rows, or with another flow than this one",
        ),
        Figure(
            *("detection, held-out rows", "quality", 1.0, apart, False, None),
            f"the same beside the rows that were held out: trees are right on {_right(apart['synthetic'])} of pairs. "
            "If this score is far below the one above, the flow has learned the rows, not their law.",
        ),
        Figure(
            *("column shapes", "quality", 1.0, {name: each.mean for name, each in shapes.items()}, False, None),
            f"on a scale from 0 to 1 the columns, one by one, are alike by {shapes['synthetic'].mean.value:.3f}. "
            "Independent columns have the best shapes there are.",
        ),
    ]
    if single:
        return found
    trends = tables.each(lambda rows: pair_trends(tables.train, rows, seed=seed).mean)
    losses: dict[str, Estimate | None] = {
        candidate: mean_of([each[candidate].loss or Estimate(0.0, 0.0) for each in useful.values()])
        for candidate in CANDIDATES[:2]
    }
    return [
        *found,
        Figure(
            *("pair trends", "quality", 1.0, trends, False, None),
            f"on a scale from 0 to 1 the pairs of columns go together alike by {trends['synthetic'].value:.3f}; "
            f"independent columns by {trends['independent'].value:.3f}.",
        ),
        Figure(
            *("loss of use", "quality", 0.0, losses | {"copy": Estimate(0.0, 0.0)}, False, None),
            "trees that learn from these rows and not from real ones predict worse on held-out rows by this much, in "
            f"AUC, accuracy or R2, the mean over {len(useful)} target{'s' * (len(useful) != 1)}.",
        ),
    ]


def _right(score: Estimate) -> str:
    """The area under the curve that a score stands for."""
    return f"{100 * (1 - score.value / 2):.0f} %"


def _privacy(tables: Tables, risks: dict[str, Disclosure], seed: int) -> list[Figure]:
    train, others = tables.train, tables.held_out
    near = tables.each(lambda rows: near_copies(train, others, rows, seed=seed))
    apart = near["synthetic"]
    found = [
        Figure(
            *("near-copies", "privacy", LEVEL, {name: each.share for name, each in near.items()}, True),
            _within(apart.share, LEVEL, NEAR),
            f"{100 * apart.share.value:.1f} % of the rows are nearer to a training row than 98 % of the held-out rows "
            "are; of new rows 2 % are.",
            "stop the training earlier, or make the flow smaller",
        ),
        Figure(
            *("equal rows", "privacy", apart.held_out_equal.value, {name: each.equal for name, each in near.items()}),
            *(True, _within(apart.equal, apart.held_out_equal.value, apart.held_out_equal.value + NEAR - LEVEL)),
            f"{100 * apart.equal.value:.1f} % of the rows are equal to a training row; of held-out rows, which are "
            f"other people's, {100 * apart.held_out_equal.value:.1f} % are.",
            "stop the training earlier, or leave rows out that are equal to a training row",
        ),
        _membership(
            "membership, by the table",
            tables.each(lambda rows: membership_by_distance(train, others, rows, seed=seed)),
            "how often a training row is nearer to the synthetic rows than a held-out row; 0.5 is guessing",
        ),
    ]
    return [*found, _disclosure(tables, risks, seed)] if risks else found


def _of_model(log_prob: tuple[ArrayLike, ArrayLike] | None) -> list[Figure]:
    if log_prob is None:
        return []
    says = (
        "how often a training row has a higher log-density than a held-out row; 0.5 is guessing. This is for who has "
        "the model, not for who has the rows alone"
    )
    found = _membership("membership, by the model", {"synthetic": membership_inference(*log_prob)}, says)
    return [found._replace(about="model", then="keep the model to yourself; or " + found.then)]


def _membership(name: str, found: dict[str, Membership], says: str) -> Figure:
    own = found["synthetic"]
    low, high = own.area.interval
    caught = f"{100 * own.caught.value:.1f} ± {100 * own.caught.error:.1f} %"
    return Figure(
        *(name, "privacy", 0.5, {candidate: each.area for candidate, each in found.items()}, False),
        _within(own.area, 0.5, AREA),
        f"{says}; here it is {own.area.value:.3f} (95 % interval {low:.3f} to {high:.3f}). At 1 % false alarms, "
        f"{caught} of the training rows are found.",
        "stop the training earlier, make the flow smaller, or fit more rows",
    )


def _disclosure(tables: Tables, risks: dict[str, Disclosure], seed: int) -> Figure:
    """Of the column with the largest risk beside its error."""
    worst = max(risks, key=lambda name: risks[name].risk.value - ERRORS * risks[name].risk.error)
    values: dict[str, Estimate | None] = {"synthetic": risks[worst].risk}
    for name in CANDIDATES[1:]:
        rows = tables.candidates[name]
        values[name] = attribute_disclosure(tables.train, tables.held_out, rows, worst, seed=seed).risk
    own = risks[worst]
    return Figure(
        *("attribute disclosure", "privacy", 0.0, values, False),
        _within(own.risk, 0.0, RISK),
        f"from all other columns, {worst!r} is guessed of {100 * own.train.value:.1f} % of the people in the training "
        f"rows and of {100 * own.held_out.value:.1f} % of others: the excess, as a share of what is left to guess, for "
        "the column where it is largest.",
        f"leave {worst!r} out, or put its values into wider classes",
    )


def _within(found: Estimate, ideal: float, most: float) -> bool:
    """Whether a figure is no more above its ideal than chance or a tolerance allow."""
    return found.value <= most or found.value <= ideal + ERRORS * found.error


def _column(
    name: str, shapes: Shapes, useful: dict[str, dict[str, Usefulness]], risks: dict[str, Disclosure]
) -> ColumnFigures:
    used = useful[name]["synthetic"] if name in useful else None
    return ColumnFigures(
        name,
        shapes.columns[name],
        "" if used is None else used.measure,
        None if used is None else used.synthetic,
        None if used is None else used.real,
        risks[name].risk if name in risks else None,
    )
