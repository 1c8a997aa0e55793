"""A kind of data of one's own: one file, one line, and every command knows it."""

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest

from bits_modality import BitModality
from pushforward.modalities import modalities, modality_named, read_model, register

FILE = Path(__file__).parents[1] / "bits_modality.py"


@pytest.fixture(autouse=True)
def _registered():
    register(BitModality())


@pytest.fixture
def data(tmp_path):
    """Strings of four bits whose second repeats the first, ones written as `x`."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (200, 4))
    bits[:, 1] = bits[:, 0]
    path = tmp_path / "codes.bits"
    path.write_text("\n".join("".join("ox"[bit] for bit in row) for row in bits))
    return path


@pytest.fixture
def model(works, data, tmp_path):
    small = ("--set", "width=32", "--learning-rate", "0.03", "--max-epochs", "30", "--json")
    result = works("fit", data, "-o", tmp_path / "codes.safetensors", "--one", "x", *small)
    report = json.loads(result.stdout)
    assert (report["modality"], report["flow"]) == ("bits", "made-bernoulli")
    assert "fitting made-bernoulli to 200 strings of 4 bits" in result.stderr
    assert "of the strings that were held out" in result.stderr
    return tmp_path / "codes.safetensors"


def test_a_modality_of_ones_own_is_fitted_scored_sampled_shown_and_loaded(works, model, data, tmp_path):
    every = tmp_path / "every.bits"
    every.write_text("\n".join(map("".join, itertools.product("ox", repeat=4))))
    lines = works("score", model, every).stdout.split()
    scores = np.array(lines[1:], float)
    assert np.exp(scores).sum() == pytest.approx(1.0, abs=1e-5)
    twins = np.array([row[0] == row[1] for row in every.read_text().split()])
    assert np.exp(scores[twins]).sum() > 0.9
    works("sample", model, "-n", "50", "--spaced", "-o", tmp_path / "drawn.bits")
    drawn = (tmp_path / "drawn.bits").read_text().splitlines()
    assert len(drawn) == 50
    assert all(re.fullmatch(r"[0x] [0x] [0x] [0x]", line) for line in drawn)
    assert re.search(r"bits +4", works("show", model).stdout)
    assert json.loads(works("show", model, "--json").stdout)["one"] == "x"
    works("plot", model, "-o", tmp_path / "loss.png", "--what", "loss")
    assert read_model(model).facts.length == 4


def test_it_costs_at_most_120_lines_and_one_to_register():
    assert FILE.read_text().count("\n") <= 120
    assert modality_named("bits").name == "bits"


def test_its_options_have_a_heading_of_their_own():
    import subprocess
    import sys

    code = "import bits_modality, pushforward.modalities as m; m.register(bits_modality.BitModality())\n"
    code += "from pushforward.cli import main; main(['fit', '--help'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_with_tests_on_the_path()
    )
    headings = re.findall(r"^(Options[^:]*):", done.stdout, re.MULTILINE)
    assert headings == [
        "Options",
        "Options for tables",
        "Options for images",
        "Options for clips of sound",
        "Options for series",
        "Options for bit strings",
    ]
    assert "--one SIGN" in done.stdout.split("Options for bit strings:")[1]


def _with_tests_on_the_path():
    import os

    folder = str(FILE.parent)
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))}


def test_an_option_of_another_kind_of_data_is_refused_with_its_own(fails, data, tmp_path):
    error, hint = fails("fit", data, "-o", tmp_path / "x.safetensors", "--flip", code=2)
    assert error == "--flip is for images."
    assert "`fit` of bit strings takes --one" in hint


def test_a_command_that_it_does_not_have_is_refused(fails, model, data, tmp_path):
    error, hint = fails("interpolate", model, data, data, "-o", tmp_path / "x.png", code=2)
    assert "a model of bit strings, and `interpolate` is for models of images" in error
    assert "fitted to images" in hint


def test_a_file_of_a_kind_that_is_not_registered_says_so(fails, model, data):
    kept = modalities().pop("bits")
    try:
        error, hint = fails("score", model, data)
    finally:
        register(kept)
    assert "of the kind 'bits', which is not known here" in error
    assert "register" in hint
