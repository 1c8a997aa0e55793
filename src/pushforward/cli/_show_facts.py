"""What `pushforward show` finds in a model file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import jax

from pushforward._params import count_parameters
from pushforward.bijections import AbstractBijection, Chain, Concatenate, Continuous, Inverse, Scan
from pushforward.cli.frame._layout import print_facts, print_table
from pushforward.diagnostics import solver_report
from pushforward.distributions import AbstractDistribution, Embedded, Mixture, Transformed
from pushforward.distributions._joint import AbstractGiven
from pushforward.io import read
from pushforward.io._source import read_contents
from pushforward.modalities import Figure, Told, modality_named
from pushforward.modalities._model import model_of
from pushforward.modalities._talk import duration, plural


class Facts(NamedTuple):
    """What is in a file.

    Attributes:
        plain: As plain data.
        told: What its modality tells.
        figure: How its loss is told; None for a flow alone.
    """

    plain: dict[str, Any]
    told: Told
    figure: Figure | None


def facts_of(path: Path) -> Facts:
    """The contents of a file; what a file of a bare flow does not hold is None or empty.

    Raises:
        FileError: If it is not a model file, or a damaged one.
    """
    part, metadata = read(path)
    model = model_of(part, metadata)
    modality = None if model is None else modality_named(model.modality)
    settings = {} if model is None else dict(model.settings)
    facts = {
        "file": str(path),
        "bytes": path.stat().st_size,
        "modality": None if model is None else model.modality,
        "flow": type(part).__name__ if model is None else model.recipe,
        "options": settings.get("options") or {},
        "settings": settings,
        "parameters": count_parameters(part),
        "exact": getattr(part, "exact", True),
        "layers": list(_layers(part)),
        "solvers": _solvers(part),
        "training": None if model is None else model.result.summary(),
        "versions": read_contents(path, "flow").document.get("libraries", {}),
    }
    told = Told({}) if model is None or modality is None else modality.tell(model)
    figure = None if model is None or modality is None else modality.figure(model)
    return Facts(facts | told.plain, told, figure)


def print_facts_of(found: Facts) -> None:
    """The same for people."""
    facts = found.plain
    options = ", ".join(f"{name}={value}" for name, value in facts["options"].items())
    rows: list[tuple[str, object]] = [
        ("file", f"{facts['file']} ({facts['bytes'] / 1024:,.0f} KiB)"),
        ("flow", f"{facts['flow']} ({options})" if options else facts["flow"]),
        ("parameters", facts["parameters"]),
    ]
    if not facts["exact"]:
        rows.append(("log-density", "a bound or an estimate, not exact"))
    rows += [("solver", _solver(report)) for report in facts["solvers"]]
    rows += found.told.facts
    rows += _training(facts["training"], found.figure) if found.figure else []
    rows.append(("written by", ", ".join(f"{name} {version}" for name, version in facts["versions"].items())))
    print_facts(rows)
    for header, cells in found.told.tables:
        click.echo()
        print_table(header, cells)
    click.echo()
    names = ("layer", "parameters", "sampling", "density")
    print_table(("", *names), ((i, *(row[n] for n in names)) for i, row in enumerate(facts["layers"])))


SOLVED = 64
"""Draws of the flow itself on which its solvers are tried."""


def _solvers(part: Any) -> list[dict[str, Any]]:
    """What the solver of each layer in continuous time does; needs no data, but a condition where there is one."""
    parts = jax.tree.leaves(part, is_leaf=lambda node: isinstance(node, Continuous))
    solved = any(isinstance(node, Continuous) for node in parts)
    if not solved or not isinstance(part, AbstractDistribution) or part.cond_shape is not None:
        return []
    reports = solver_report(part, part.sample(jax.random.key(0), SOLVED))
    return [report._asdict() for report in reports]


def _solver(report: dict[str, Any]) -> str:
    how = f"{report['solver']}, rtol={report['rtol']:g}, atol={report['atol']:g}"
    taken = f"{report['steps']} steps and {report['evaluations']} evaluations for {SOLVED} of its own draws"
    return f"{how}: {taken}, log-dets off by {report['log_det_error']:.0e} nats at most"


def _training(training: dict[str, Any], figure: Figure) -> list[tuple[str, object]]:
    history = training["history"]
    if not history:
        return [("training", training["stopped_because"])]
    if not training["seconds"]:  # a private fit measures nothing
        return [("epochs", f"{len(history)}; the last is kept"), ("stopped", training["stopped_because"])]
    held_out = any(epoch["validation"] is not None for epoch in history)
    losses = (training[name] for name in ("best_loss", "start_loss"))
    best, start = ("not finite" if loss is None else f"{figure.scale * loss:.4f}" for loss in losses)
    return [
        ("validation" if held_out else "training", f"{best} {figure.unit}, lower is better; before training {start}"),
        ("epochs", f"{len(history)} in {duration(training['seconds'])}; {_kept(training['best_epoch'])}"),
        ("stopped", training["stopped_because"]),
        *([("skipped", plural(training["skipped_steps"], "step"))] if training["skipped_steps"] else []),
        *(("event", event) for event in training["events"]),
    ]


def _kept(epoch: int) -> str:
    return f"number {epoch} is kept" if epoch else "none was better than the flow before training, which is kept"


def _layers(part: Any) -> Iterator[dict[str, Any]]:
    """From the noise to the data; layers that are stacked stand in one row."""
    if isinstance(part, Embedded):
        yield _row(f"conditions: {_name(part.embedding)}", part.embedding)
        yield from _layers(part.distribution)
    elif isinstance(part, Transformed):
        yield from _layers(part.base)
        yield from _layers(part.bijection)
    elif isinstance(part, Mixture):  # a flow before a background
        shares = ", ".join(f"{100 * share:.1f} %" for share in jax.nn.softmax(part.logits).tolist())
        yield _row(f"mixture of {shares}: the first of these", part)
        yield from _layers(part.components[0])
    elif isinstance(part, AbstractGiven):
        yield from _layers(part.first)
        yield from _layers(part.others)
    elif isinstance(part, Chain):
        for bijection in part.bijections:
            yield from _layers(bijection)
    else:
        yield _row(_name(part), part)


def _row(name: str, part: Any) -> dict[str, Any]:
    kinds = {"sampling": "", "density": ""}
    if isinstance(part, AbstractBijection):
        kinds = {"sampling": part.forward_kind, "density": part.inverse_kind}
    return {"layer": name, "parameters": count_parameters(part), **kinds}


def _name(part: Any) -> str:
    if isinstance(part, Scan):
        return f"{part.num_layers} x {_name(part.stacked)}"
    if isinstance(part, Chain):
        return f"({', '.join(_name(inner) for inner in part.bijections)})"
    if isinstance(part, Concatenate):
        return " | ".join(_name(inner) for inner in part.bijections)
    if isinstance(part, Inverse):
        return f"Inverse({_name(part.bijection)})"
    inner = getattr(part, "inner", None)
    return type(part).__name__ if inner is None else f"{type(part).__name__}({_name(inner)})"
