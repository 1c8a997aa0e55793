"""`pushforward report` of a table."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pushforward import plots
from pushforward._errors import DataError
from pushforward.diagnostics import Calibration, Check
from pushforward.diagnostics.goodness._check import judged
from pushforward.diagnostics.goodness._report import Finding
from pushforward.modalities._model import Model
from pushforward.modalities._options import flatten
from pushforward.modalities._talk import plural
from pushforward.modalities._told import Examined
from pushforward.modalities.table._pictures import Wanted, check_names
from pushforward.modalities.table._reading import Pairs, read_pairs
from pushforward.modalities.table._sample import draws
from pushforward.modalities.table.goodness._case import case_of
from pushforward.modalities.table.goodness._given import calibrated
from pushforward.modalities.table.reporting._again import fit_command
from pushforward.modalities.table.reporting._compared import compared
from pushforward.modalities.table.reporting._extremes import extremes
from pushforward.reports import AbstractPart, Picture, Section, Verdict, Words


def examined(
    model: Model, file: str, source: str, train: str | None, given: Mapping[str, Any], *, level: float, seed: int
) -> Examined:
    """What is to be said of a model by rows that it was not fitted to.

    Raises:
        DataError: If the rows cannot be used.
    """
    columns = flatten(given["columns"])
    check_names(model.facts.schema, Wanted(columns))
    data = read_pairs(model.facts, source, given)
    known = None if train is None else read_pairs(model.facts, train, given)
    of_these = _of_rows if data.given is None else _of_conditional
    lead, good, sections = of_these(model, data, known, columns, level=level, seed=seed)
    return Examined(lead.title, good, [lead], [*sections, training(model)], fit_command(model, file, train))


def _of_rows(
    model: Model, data: Pairs, known: Pairs | None, columns: tuple[str, ...], *, level: float, seed: int
) -> tuple[Verdict, bool, list[Section]]:
    train = None if known is None else known.rows.values
    case = case_of(model, data.rows.values, train, level=level, seed=seed)
    found = judged(case)
    good = found.verdict == "good"
    sections = [
        _checks(found, level, with_train=known is not None),
        compared(model, data.rows, None, case.drawn, columns, seed),
        extremes(model, data.rows, None),
    ]
    return Verdict(good, found.verdict, found.meaning, large=True), good, sections


def _of_conditional(
    model: Model, data: Pairs, known: Pairs | None, columns: tuple[str, ...], *, level: float, seed: int
) -> tuple[Verdict, bool, list[Section]]:
    found = calibrated(model, data, known, level=level, seed=seed)
    good = found.verdict == "good"
    drawn_rows = np.concatenate(list(draws(model, 1, seed, None, data.given)))
    sections = [
        _ranks(found, model.facts.condition_schema.names, level),
        compared(model, data.rows, data.given, drawn_rows, columns, seed),
        extremes(model, data.rows, data.condition),
    ]
    return Verdict(good, found.verdict, found.meaning, large=True), good, sections


def _ranks(found: Calibration, conditions: tuple[str, ...], level: float) -> Section:
    about = (
        f"{plural(found.rows, 'row')}, each with its rank among draws of the model given {', '.join(conditions[:8])}"
        f"{', ...' * (len(conditions) > 8)}. Where the model is right, every rank is as likely as every other."
    )
    caption = (
        "Ranks, with the band in which 99 % of the bars lie where the model is right. Heaps at both ends: too sure."
    )
    alt = f"Histogram of the ranks of {', '.join(found.names[:12])}"
    parts = [Words(about), Words(_levels(level, len(found.findings))), *map(verdict_of, found.findings)]
    return Section("Checks", [*parts, Picture(plots.rank_histogram(found.ranks, names=found.names), alt, caption)])


def _levels(level: float, count: int) -> str:
    return (
        f"Each test rejects a right model with a probability of {100 * level:g} %, so that of {count} tests one `no` "
        f"with a p-value near {level:g} is no reason to worry. The verdict takes their number into account."
    )


def verdict_of(finding: Finding) -> Verdict:
    """One test in a box."""
    p_value = "" if finding.p_value is None else f" (p = {finding.p_value:.2g})"
    return Verdict(finding.passed, finding.name, finding.says + p_value, finding.then)


def training(model: Model) -> Section:
    """The loss by epoch."""
    result = model.result
    try:
        figure = plots.loss_curve(result)
    except DataError:  # of a closed form there are no epochs
        return Section("Training", [Words(f"There are no epochs to show: {result.stopped_because}.")])
    told = f"{plural(len(result.history), 'epoch')}, then stopped: {result.stopped_because}."
    events = [Words(f"Event: {event}") for event in result.events]
    caption = (
        "Training and validation loss by epoch, lower is better. Where the validation loss rises while the training "
        "loss falls, the flow learns its rows by heart; where both still fall at the end, more epochs would help."
    )
    return Section("Training", [Words(told), *events, Picture(figure, f"Loss by epoch: {told}", caption)])


def _checks(found: Check, level: float, *, with_train: bool) -> Section:
    count = sum(finding.p_value is not None for finding in found.findings)
    nats, error = found.nats
    about = [
        f"{plural(found.rows, 'row')} of data, {nats:.3f} ± {error:.3f} nats a row",
        *found.beside(),
    ]
    parts: list[AbstractPart] = [
        Words(f"{'; '.join(about)}."),
        Words(_levels(level, count)),
    ]
    if not with_train:
        parts.append(
            Words("Rows of training were not given; with `--train` a report also tells a poor fit from other data.")
        )
    return Section("Checks", [*parts, *map(verdict_of, found.findings)])
