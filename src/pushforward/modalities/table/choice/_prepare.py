"""From rows to what training needs: of the flow that is named, with a background for few rows, or the best of a few."""

from functools import partial

import jax

from pushforward.modalities._learn import Prepared
from pushforward.modalities.table._prepare import coded, prepare_flow
from pushforward.modalities.table._rows import Rows, in_order, with_weight
from pushforward.modalities.table._settings import AUTO, TableSettings
from pushforward.modalities.table.choice import _auto as auto
from pushforward.modalities.table.choice._background import wants_background, with_background
from pushforward.modalities.table.choice._ensemble import check_ensemble, in_ensemble
from pushforward.modalities.table.choice._spread import wants_spread, with_spread
from pushforward.objectives import nll


def prepare_rows(rows: Rows, settings: TableSettings, key: jax.Array) -> Prepared:
    """What training needs, of rows as the user has them.

    Raises:
        ValueError: If the data, the flow or a setting cannot be used.
    """
    check_ensemble(settings)
    if settings.flow == AUTO:
        return _of_best(rows, settings, key)
    ready = in_ensemble(prepare_flow(rows, settings, key), settings, key)
    wanted = wants_background(ready.data, ready.facts, settings, ready.objective)
    judge = with_background if wanted else with_spread if wants_spread(ready) else None
    return ready._replace(judge=judge)


def _of_best(rows: Rows, settings: TableSettings, key: jax.Array) -> Prepared:
    """What training needs of the flow that is the best among a few, which may be a Gaussian that needs none."""
    rows = with_weight(rows)
    choice = auto.choose(rows, settings)
    if choice.settings.flow != auto.GAUSSIAN:
        ready = prepare_rows(rows, choice.settings, key)
        judge = partial(auto.judged, rows=rows, choice=choice, first=ready.judge)
        return ready._replace(settings=choice.settings, judge=judge)
    model, (data, _, _) = auto.closed(rows, choice), coded(in_order(rows), settings.columns)
    given = None if data.condition is None else data.condition.values
    return Prepared(
        model.flow, data.x.values, given, data.weights, nll, model.facts, data, settings=choice.settings, closed=model
    )
