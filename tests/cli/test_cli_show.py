"""`pushforward show`."""

import json
import re

import jax
import pytest

import pushforward as pf


def test_show_tells_flow_columns_training_layers_and_versions(works, people_model):
    text = works("show", people_model).stdout
    assert re.search(r"age +integer +0 \.\. 120 +as asked for", text)
    for words in (
        "realnvp (num_layers=2, width=8)",
        "nats per row, lower is better; before training",
        "Coupling(TanhAffine)",
        f"pushforward {pf.__version__}, jax {jax.__version__}",
    ):
        assert words in text


def test_show_as_json(works, people_model):
    facts = json.loads(works("show", people_model, "--json").stdout)
    assert facts["flow"] == "realnvp"
    assert [column["name"] for column in facts["columns"]] == ["height", "age", "share"]
    assert facts["parameters"] == sum(layer["parameters"] for layer in facts["layers"]) > 0
    assert len(facts["training"]["history"]) == 3
    assert facts["versions"]["pushforward"] == pf.__version__


def test_show_names_the_conditions(works, conditional_model):
    assert "given       age" in works("show", conditional_model).stdout


def test_show_opens_a_flow_that_was_saved_from_python(works, tmp_path, key):
    pf.save(tmp_path / "m.safetensors", pf.flows.maf(2, num_layers=2, width=8, key=key))
    text = works("show", tmp_path / "m.safetensors").stdout
    assert "Autoregressive(TanhAffine)" in text


@pytest.mark.parametrize("command", ["score", "sample"])
def test_a_flow_without_columns_cannot_be_scored_from_the_shell(fails, tmp_path, command):
    pf.save(tmp_path / "m.safetensors", pf.distributions.Normal.standard((2,)))
    more = ("toy:moons:10",) if command == "score" else ()
    error, hint = fails(command, tmp_path / "m.safetensors", *more)
    assert "holds a flow, but not the columns of a table" in error
    assert "pushforward fit" in hint


def test_show_counts_what_a_solver_does(works, tmp_path):
    flow = pf.flows.ffjord(2, width=4, depth=1, rtol=1e-3, atol=1e-3, key=jax.random.key(0))
    pf.save(tmp_path / "flow.safetensors", flow)
    (line,) = [row for row in works("show", tmp_path / "flow.safetensors").stdout.splitlines() if "evaluations" in row]
    assert "tsit5, rtol=0.001, atol=0.001" in line
    assert "of its own draws, log-dets off by" in line
