"""What a notebook shows of a fitted estimator, below what scikit-learn shows."""

from collections.abc import Sequence

from pushforward._params import count_parameters
from pushforward.modalities import modality_named
from pushforward.modalities._model import Model
from pushforward.modalities._training import training_facts
from pushforward.reports import Facts, Table

MOST_LINES = 20
"""More columns are not listed."""
STYLE = """
.pushforward-facts { font-size: 0.9em; margin-top: 0.5em; }
.pushforward-facts dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.1em 1em; margin: 0.4em 0; }
.pushforward-facts dt { opacity: 0.7; }
.pushforward-facts dd { margin: 0; }
.pushforward-facts th, .pushforward-facts td { text-align: left; padding: 0.1em 1em 0.1em 0; }
"""


def fitted_html(model: Model, more: Sequence[tuple[str, object]] = ()) -> str:
    """A box that can be closed: the flow, the training, more names and values, the columns."""
    modality = modality_named(model.modality)
    told = modality.tell(model)
    rows: list[tuple[str, object]] = [("flow", model.recipe), ("parameters", count_parameters(model.flow))]
    rows += [*told.facts, *training_facts(model.result.summary(), modality.figure(model)), *more]
    parts = [Facts(rows), *(_listed(header, cells) for header, cells in told.tables)]
    inside = "".join(part.to_html() for part in parts)
    body = f"<details open><summary>Fitted</summary>{inside}</details>"
    return f'<style>{STYLE}</style><div class="pushforward-facts">{body}</div>'


def _listed(header: Sequence[str], cells: Sequence[Sequence[object]]) -> Table:
    caption = f"The first {MOST_LINES} of {len(cells)}." if len(cells) > MOST_LINES else ""
    return Table(header, cells[:MOST_LINES], caption)
