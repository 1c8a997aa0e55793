"""`pushforward classify` of a table: the class of each row, by a model that is conditional on it."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pushforward._errors import UsageError
from pushforward.data import Schema, TableWriter, encode
from pushforward.data._read import read_parts
from pushforward.modalities._classes import names_of_classes, posterior, prior_of_names, report_of, stored_classes
from pushforward.modalities._model import Model
from pushforward.modalities._options import flatten
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.table._aligned import ROW, aligned, selection
from pushforward.modalities.table._chunks import TableFlow, log_prob


def classify(model: Model, source: str, target: str, given: Mapping[str, Any], talk: Talk) -> None:
    """One row for each row: its number, its likeliest class, the probability of each, its log-density.

    Raises:
        UsageError: If the model is not conditional on one categorical column.
        DataError: If a prior is not that of a class.
    """
    schema = model.facts.schema
    classes, shares = _classes(model)
    log_prior = prior_of_names(dict(given["prior"]), classes, shares)
    own, truth = names_of_classes(classes), given["truth"]
    keep = flatten(given["keep"])
    kept = (*keep, *(() if truth is None or truth in keep else (truth,)))
    wanted = selection(schema.columns, kept, own, given)
    if truth is not None:
        wanted = replace(wanted, kept_by="--keep and --truth" if keep else "--truth")
    parts = read_parts(source, wanted, drop_missing=given["drop_missing"])
    names, flow = [ROW, *kept, *own], TableFlow.of(model)
    rows, proba, right = 0, [], []
    with TableWriter(target, names) as writer:
        for part in parts:
            x = schema.turned(encode(part.table, schema).values)
            found = posterior(log_given(flow, x, len(classes)), log_prior)
            likeliest = np.array(classes)[np.argmax(found.log_proba, axis=1)]
            columns = [likeliest, *np.exp(found.log_proba).T, found.log_prob]
            writer.write_arrow(aligned(part, columns, rows, names))
            rows += part.table.num_rows + part.table.dropped
            if truth is not None:
                assert part.keys is not None  # asked for above
                cells = part.keys[truth].to_pylist()
                right += cells if part.present is None else list(itertools.compress(cells, part.present))
                proba.append(found.log_proba)
    talk.say(f"wrote {plural(rows, 'prediction')} to {'standard output' if target == '-' else target}")
    if right:
        talk.say(report_of(np.concatenate(proba), right, classes))


def log_given(flow: TableFlow, x: np.ndarray, num_classes: int) -> np.ndarray:
    """Log-density of each row given the number of each class, `(rows, classes)`."""
    each = [log_prob(flow, x, np.full((len(x), 1), float(code))) for code in range(num_classes)]
    return np.stack(each, axis=1)


def _classes(model: Model) -> tuple[tuple[Any, ...], tuple[float, ...]]:
    """The classes of a model, and their shares where it knows them."""
    conditions: Schema | None = model.facts.condition_schema
    if "fitted" in model.settings:  # of a FlowClassifier
        classes, log_prior = stored_classes(model.settings["fitted"])
        return tuple(classes), tuple(np.exp(log_prior).tolist())
    if conditions is None or len(conditions.columns) != 1 or not conditions.columns[0].categories:
        what = "knows no classes" if conditions is None else f"is conditional on {', '.join(conditions.names)}"
        raise UsageError(
            f"the model {what}.", "fit one with `--condition CLASS`, a column of categories, to rows of all classes"
        )
    return tuple(conditions.columns[0].categories), model.facts.condition_shares
