"""What `pushforward show` finds in a model file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import jax

from pushforward._params import count_parameters
from pushforward.bijections import AbstractBijection, Chain, Concatenate, Continuous, Inverse, Scan
from pushforward.cli._columns import column_facts
from pushforward.cli._layout import print_facts, print_table
from pushforward.cli._talk import duration, plural
from pushforward.data import Schema
from pushforward.diagnostics import solver_report
from pushforward.distributions import AbstractDistribution, Embedded, Transformed
from pushforward.distributions._joint import AbstractGiven
from pushforward.flows import RECIPES
from pushforward.io import read
from pushforward.io._source import read_contents
from pushforward.objectives import bits_per_dim


def facts_of(path: Path) -> dict[str, Any]:
    """The contents of a file as plain data; what a file of a bare flow does not hold is None or empty.

    Raises:
        FileError: If it is not a model file, or a damaged one.
    """
    part, metadata = read(path)
    schemas = {name: metadata.get(name) for name in ("schema", "condition_schema")}
    columns = {name: column_facts(Schema.from_json(data)) if data else [] for name, data in schemas.items()}
    layers = list(_layers(part))
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "flow": metadata.get("recipe", type(part).__name__),
        "options": metadata.get("options", {}),
        "settings": metadata.get("params", {}),
        "images": metadata["images"] | {"shape": list(part.event_shape)} if "images" in metadata else None,
        "columns": columns["schema"],
        "condition": [column["name"] for column in columns["condition_schema"]],
        "parameters": count_parameters(part),
        "exact": getattr(part, "exact", True),
        "layers": layers,
        "solvers": _solvers(part),
        "training": metadata.get("training"),
        "versions": read_contents(path, "flow").document.get("libraries", {}),
    }


def print_facts_of(facts: dict[str, Any]) -> None:
    """The same for people."""
    options = ", ".join(f"{name}={value}" for name, value in facts["options"].items())
    rows: list[tuple[str, object]] = [
        ("file", f"{facts['file']} ({facts['bytes'] / 1024:,.0f} KiB)"),
        ("flow", f"{facts['flow']} ({options})" if options else facts["flow"]),
        ("parameters", facts["parameters"]),
    ]
    if not facts["exact"]:
        rows.append(("log-density", "a bound or an estimate, not exact"))
    rows += [("solver", _solver(report)) for report in facts["solvers"]]
    if facts["condition"]:
        rows.append(("given", ", ".join(facts["condition"])))
    if facts["images"]:
        rows += _images(**facts["images"])
    rows += _training(facts["training"], facts["flow"], facts["images"]) if facts["training"] else []
    rows.append(("written by", ", ".join(f"{name} {version}" for name, version in facts["versions"].items())))
    print_facts(rows)
    if facts["columns"]:
        click.echo()
        cells = ((c["name"], c["kind"], _limits(c), c["note"]) for c in facts["columns"])
        print_table(("column", "kind", "limits", "why"), cells)
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


def _images(shape: list[int], levels: int, labels: list[str]) -> list[tuple[str, object]]:
    height, width, channels = shape
    size = f"{height} x {width} in {'grey' if channels == 1 else 'colour'}, {levels} levels"
    return [("images", size), *([("labels", ", ".join(labels))] if labels else [])]


def _training(training: dict[str, Any], flow: str, images: dict[str, Any] | None) -> list[tuple[str, object]]:
    history = training["history"]
    held_out = any(epoch["validation"] is not None for epoch in history)
    matched = flow in RECIPES and RECIPES[flow].objective == "flow_matching"
    unit = "squared error of the velocity" if matched else "nats per row"
    losses = [training[name] for name in ("best_loss", "start_loss")]
    if images:
        unit = "bits per dimension"
        losses = [None if loss is None else float(bits_per_dim(-loss, tuple(images["shape"]))) for loss in losses]
    best, start = map(_nats, losses)
    return [
        ("validation" if held_out else "training", f"{best} {unit}, lower is better; before training {start}"),
        ("epochs", f"{len(history)} in {duration(training['seconds'])}; {_kept(training['best_epoch'])}"),
        ("stopped", training["stopped_because"]),
        *([("skipped", plural(training["skipped_steps"], "step"))] if training["skipped_steps"] else []),
        *(("event", event) for event in training["events"]),
    ]


def _kept(epoch: int) -> str:
    return f"number {epoch} is kept" if epoch else "none was better than the flow before training, which is kept"


def _nats(loss: float | None) -> str:
    return "not finite" if loss is None else f"{loss:.4f}"


def _limits(column: dict[str, Any]) -> str:
    if "categories" in column:
        return plural(len(column["categories"]), "value")
    low, high = column["low"], column["high"]
    if low is None and high is None:
        return ""
    return f"{'' if low is None else f'{low:g}'} .. {'' if high is None else f'{high:g}'}".strip()


def _layers(part: Any) -> Iterator[dict[str, Any]]:
    """From the noise to the data; layers that are stacked stand in one row."""
    if isinstance(part, Embedded):
        yield _row(f"conditions: {_name(part.embedding)}", part.embedding)
        yield from _layers(part.distribution)
    elif isinstance(part, Transformed):
        yield from _layers(part.base)
        yield from _layers(part.bijection)
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
