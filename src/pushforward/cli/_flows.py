"""`pushforward flows`: the catalogue."""

import dataclasses
import inspect
import re
from typing import TYPE_CHECKING, Any

import click

from pushforward.cli.frame._command import command as make_command
from pushforward.cli.frame._layout import print_facts, print_json, print_table
from pushforward.cli.frame._options import FlowName

if TYPE_CHECKING:
    from pushforward.flows import Recipe

PRESET = (
    "How large it is where nothing else is said: auto is small on a CPU, in minutes, and paper on an accelerator; "
    "the defaults below are the paper's."
)


@make_command("pushforward flows", "pushforward flows nsf", "pushforward flows --json")
@click.argument("name", required=False, type=FlowName())
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List the flows and their options.

    Without NAME: what `fit --flow` takes, and what each flow can do. With NAME: how `fit` trains that flow unless it
    is told otherwise, and the options of the flow, which `fit --set` takes.

    Density and sampling say how each is computed: analytic is one pass, sequential is one column after another,
    iterative is a solver, estimated has noise. A conditional flow can be fitted with `--condition`.
    """
    from pushforward.flows import RECIPES

    if name is not None:
        recipe = RECIPES[name]
        print_json(_facts(recipe)) if as_json else _print_one(recipe)
    elif as_json:
        print_json([_facts(recipe) for recipe in RECIPES.values()])
    else:
        rows = [
            (r.name, *r.kinds(), "yes" if r.conditional else "no", r.summary, r.reference) for r in RECIPES.values()
        ]
        print_table(("flow", "density", "sampling", "conditional", "what it is", "paper"), rows)


def _print_one(recipe: "Recipe") -> None:
    facts = _facts(recipe)
    names = ("name", "summary", "paper", "density", "sampling", "conditional")
    trained = ", ".join(f"{name}={value}" for name, value in facts["training"].items() if value is not None)
    print_facts([*((name, facts[name]) for name in names), ("training", trained)])
    click.echo()
    rows = [(name, str(o["default"]), o["meaning"]) for name, o in facts["options"].items()]
    print_table(("option", "default", "meaning"), rows)


def _facts(recipe: "Recipe") -> dict[str, Any]:
    density, sampling = recipe.kinds()
    meanings = {"preset": PRESET} | _argument_texts(inspect.getdoc(recipe.build) or "")
    return {
        "name": recipe.name,
        "summary": recipe.summary,
        "paper": recipe.reference,
        "density": density,
        "sampling": sampling,
        "conditional": recipe.conditional,
        "objective": recipe.objective,
        "training": dataclasses.asdict(recipe.training),
        "options": {
            name: {"default": default, "meaning": meanings.get(name, "")} for name, default in recipe.settings().items()
        },
    }


def _argument_texts(doc: str) -> dict[str, str]:
    """What a docstring says under `Args:`, by argument."""
    section = re.search(r"^Args:\n((?: +.*\n|\n)*)", doc + "\n", re.MULTILINE)
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", section[1] if section else "", re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
