"""`pushforward show`: what is in a model file."""

from pathlib import Path

import click

from pushforward.cli.frame._command import command as make_command


@make_command(
    "pushforward show wine.safetensors",
    "pushforward show wine.safetensors --json | jq .training.best_loss",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(model: Path, as_json: bool) -> None:
    """Describe a model file.

    Prints the flow in MODEL, its columns and what they can hold, how training went, its size and its layers.

    Layers are listed from the noise to the data, which is the direction of a sample. Sampling and density say how each
    direction is computed: analytic is one pass, sequential is one column after another, iterative is a solver.
    """
    from pushforward.cli._show_facts import facts_of, print_facts_of
    from pushforward.cli.frame._layout import print_json

    facts = facts_of(model)
    print_json(facts.plain) if as_json else print_facts_of(facts)
