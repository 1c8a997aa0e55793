"""Write the golden file of format version 1: `python tests/golden/write_flow_v1.py`.

A released file is never written again: it stands for all files that users have.
"""

import json
from pathlib import Path

import jax
import numpy as np

import pushforward as pf
from pushforward import bijections, distributions

FOLDER = Path(__file__).parent


def flow():
    """A conditional flow with the layers that saved models have most."""
    key = jax.random.key(0)
    layers = [
        bijections.Coupling(bijections.RationalQuadraticSpline(4), 3, width=4, cond_dim=2, key=key),
        bijections.Permute([2, 0, 1]),
        bijections.Autoregressive(bijections.Affine(), 3, width=4, cond_dim=2, key=key),
        bijections.Standardize(np.array([10.0, 0.0, -5.0]), np.array([2.0, 0.1, 50.0])),
    ]
    transformed = distributions.Transformed(distributions.Normal.standard((3,)), bijections.Chain(layers))
    embedded = distributions.Embedded(transformed, bijections.Standardize(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    return jax.tree.map(wave, embedded)


def wave(leaf):
    """Numbers of moderate size that any machine gives alike, added to those that are there."""
    return leaf + 0.3 * np.sin(np.arange(leaf.size, dtype=np.float32)).reshape(leaf.shape)


def points():
    """`(x, condition)`, from the middle of the data to its tails."""
    grid = np.linspace(-4.0, 4.0, 8)[:, None]
    x = np.array([10.0, 0.0, -5.0]) + grid * np.array([2.0, -0.3, 50.0])
    return x, np.array([1.0, 2.0]) + grid * np.array([-1.0, 1.0])


if __name__ == "__main__":
    model = flow()
    pf.save(FOLDER / "flow_v1.safetensors", model, metadata={"columns": ["a", "b", "c"], "best": float("inf")})
    log_prob = np.asarray(model.log_prob(*points()), np.float64)
    (FOLDER / "flow_v1.json").write_text(json.dumps({"log_prob": log_prob.tolist()}, indent=1) + "\n")
    print(log_prob)
