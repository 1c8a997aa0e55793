"""Files of earlier versions load, hold the same bits, and mean what they meant."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import safetensors.numpy

import pushforward as pf
from pushforward import io
from pushforward.estimators import load_estimator
from pushforward.io._structure import take_apart

FOLDER = Path(__file__).parents[1] / "golden"
ESTIMATORS = {
    "density": pf.FlowDensity,
    "conditional": pf.ConditionalFlowDensity,
    "gaussianizer": pf.Gaussianizer,
    "images": pf.ImageDensity,
    "labelled": pf.ImageDensity,
}


def writer(name: str) -> ModuleType:
    """The script that wrote a golden file."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_file_of_format_version_1_has_its_log_prob():
    flow, metadata = io.read(FOLDER / "flow_v1.safetensors")
    assert metadata == {"columns": ["a", "b", "c"], "best": float("inf")}
    expected = json.loads((FOLDER / "flow_v1.json").read_text())["log_prob"]
    assert np.all(np.isfinite(expected))
    np.testing.assert_allclose(flow.log_prob(*writer("write_flow_v1").points()), expected, rtol=2e-5)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_model_of_version_1_is_loaded_bit_by_bit(name):
    path = FOLDER / f"{name}_v1.safetensors"
    loaded = ESTIMATORS[name].load(path)
    arrays = take_apart(loaded.flow_)[1]
    written = safetensors.numpy.load_file(path)
    assert written.keys() == arrays.keys()
    assert all(np.array_equal(arrays[name], written[name], equal_nan=True) for name in written)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_model_of_version_1_says_what_it_said(name):
    model = ESTIMATORS[name].load(FOLDER / f"{name}_v1.safetensors")
    scores, draws = said_by(name, model)
    expected = json.loads((FOLDER / "models_v1.json").read_text())[name]
    np.testing.assert_allclose(scores, expected["scores"], rtol=2e-4, atol=1e-4)
    off = np.abs(np.asarray(draws, float) - np.asarray(expected["draws"]))
    assert np.mean(off > 1e-2) < 0.05  # whole numbers may fall to the other side


def said_by(name: str, model):
    made = writer("write_models_v1")
    table = made.people()
    x, given = table.select(("mood", "height")), table.select(("age", "town"))
    if name == "density":
        return model.score_samples(table)[:10], model.sample_table(5, 1).values
    if name == "conditional":
        two = pf.data.Table(given.names, given.values[:2], categories=given.categories)
        return model.score_samples(given, x)[:10], model.sample(two, 2, 1)
    if name == "gaussianizer":
        noise = model.transform(x.values)
        return noise[:10, 0], noise[:5]
    label = "odd" if name == "labelled" else None
    return model.score_samples(made.digits())[:10], model.sample(2, 1, y=label)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_model_of_version_1_is_written_in_todays_layout(name, tmp_path):
    model = ESTIMATORS[name].load(FOLDER / f"{name}_v1.safetensors")
    model.save(tmp_path / "new.safetensors")
    _, metadata = io.read(tmp_path / "new.safetensors")
    assert set(metadata) == {"modality", "facts", "recipe", "settings", "training"}
    again = load_estimator(tmp_path / "new.safetensors")
    assert again.get_params() == model.get_params()
    assert again.model_.facts == model.model_.facts
