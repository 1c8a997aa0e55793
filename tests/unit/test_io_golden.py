"""Files of earlier versions load, and mean what they meant."""

import importlib.util
import json
from pathlib import Path

import numpy as np

from pushforward import io

FOLDER = Path(__file__).parents[1] / "golden"


def points():
    spec = importlib.util.spec_from_file_location("write_flow_v1", FOLDER / "write_flow_v1.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.points()


def test_file_of_format_version_1_has_its_log_prob():
    flow, metadata = io.read(FOLDER / "flow_v1.safetensors")
    assert metadata == {"columns": ["a", "b", "c"], "best": float("inf")}
    expected = json.loads((FOLDER / "flow_v1.json").read_text())["log_prob"]
    assert np.all(np.isfinite(expected))
    np.testing.assert_allclose(flow.log_prob(*points()), expected, rtol=2e-5)
