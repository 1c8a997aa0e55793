"""The catalogue."""

import json

from pushforward.flows import RECIPES


def test_flows_lists_every_recipe_with_what_it_can_do(works):
    lines = works("flows").stdout.splitlines()
    assert lines[0].split()[:4] == ["flow", "density", "sampling", "conditional"]
    assert [line.split()[0] for line in lines[1:]] == list(RECIPES)
    maf = next(line for line in lines if line.startswith("maf "))
    assert maf.split()[:4] == ["maf", "analytic", "sequential", "yes"]
    assert RECIPES["maf"].summary in maf
    assert RECIPES["maf"].reference in maf


def test_flows_as_json_says_the_same_with_options(works):
    flows = {flow["name"]: flow for flow in json.loads(works("flows", "--json").stdout)}
    assert list(flows) == list(RECIPES)
    assert flows["iaf"]["density"], flows["iaf"]["sampling"] == ("sequential", "analytic")
    assert flows["nsf"]["options"]["num_bins"]["default"] == 8
    assert flows["nsf"]["options"]["num_bins"]["meaning"].startswith("Bins")


def test_one_flow_shows_its_options(works):
    text = works("flows", "nsf").stdout
    assert "num_layers" in text
    assert RECIPES["nsf"].summary in text


def test_every_option_of_every_flow_is_explained(works):
    flows = json.loads(works("flows", "--json").stdout)
    silent = [
        (flow["name"], name) for flow in flows for name, option in flow["options"].items() if not option["meaning"]
    ]
    assert not silent


def test_an_unknown_flow_suggests_the_nearest(fails):
    error, hint = fails("flows", "real-nvp", code=2)
    assert error.startswith("no flow is called 'real-nvp'")
    assert hint == "did you mean 'realnvp'?"
