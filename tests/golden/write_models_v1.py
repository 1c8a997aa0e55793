"""Write the golden files of models of format version 1: `python tests/golden/write_models_v1.py`.

One file of each kind that the estimators of pushforward 0.1 wrote (commit 37b787d), and what it says of a few rows. A
released file is never written again: it stands for all files that users have.
"""

import json
from pathlib import Path

import numpy as np

import pushforward as pf

FOLDER = Path(__file__).parent
TINY = {"max_epochs": 2, "random_state": 0}
SPLINES = {"num_layers": 2, "width": 8, "num_bins": 4}


def people(rows: int = 120) -> pf.data.Table:
    """Columns of every kind that a table had."""
    rng = np.random.default_rng(7)
    values = [
        rng.normal(3, 2, rows),
        rng.lognormal(0, 1, rows),
        rng.integers(0, 60, rows),
        rng.uniform(0, 1, rows),
        rng.vonmises(0, 2, rows) * 180 / np.pi % 360,
        rng.integers(0, 3, rows),
    ]
    names = ("mood", "height", "age", "share", "direction", "town")
    return pf.data.Table(names, np.stack(values, axis=1), categories={"town": ("Bonn", "Köln", "Ulm")})


KINDS = {
    "mood": "unbounded",
    "height": "positive",
    "age": "integer(0,120)",
    "share": "bounded(0,1)",
    "direction": "circular(360)",
}


def digits() -> pf.data.Images:
    """Pictures of 4 x 4 in 32 grey values and two labels."""
    values = np.random.default_rng(0).integers(0, 32, (40, 4, 4, 1), dtype=np.uint8)
    return pf.data.Images(values, levels=32, labels=np.arange(40) % 2, label_names=("even", "odd"))


def models():
    """Name, fitted model, its scores of a few rows, and draws."""
    table = people()
    density = pf.FlowDensity("nsf", options=SPLINES, columns=KINDS, **TINY).fit(table)
    yield "density", density, density.score_samples(table)[:10], density.sample_table(5, 1).values
    x, given = table.select(("mood", "height")), table.select(("age", "town"))
    conditional = pf.ConditionalFlowDensity("maf", options={"num_layers": 2, "width": 8}, columns=KINDS, **TINY)
    conditional.set_params(columns={"height": "positive"}).fit(x, given)
    two = pf.data.Table(given.names, given.values[:2], categories=given.categories)
    yield "conditional", conditional, conditional.score_samples(x, given)[:10], conditional.sample(two, 2, 1)
    plain = x.values
    gaussianizer = pf.Gaussianizer("realnvp", options={"num_layers": 2, "width": 8}, **TINY).fit(plain)
    yield "gaussianizer", gaussianizer, gaussianizer.transform(plain)[:10, 0], gaussianizer.transform(plain)[:5]
    images, small = digits(), {"num_levels": 1, "num_steps": 1, "width": 4}
    glow = pf.ImageDensity("glow", options=small, max_epochs=1, random_state=0).fit(images)
    yield "images", glow, glow.score_samples(images)[:10], glow.sample(2, 1)
    labelled = pf.ImageDensity("glow", options=small, conditional=True, flip=True, max_epochs=1, random_state=0)
    labelled.fit(images)
    yield "labelled", labelled, labelled.score_samples(images)[:10], labelled.sample(2, 1, y="odd")


def main() -> None:
    said = {}
    for name, model, scores, draws in models():
        model.save(FOLDER / f"{name}_v1.safetensors")
        said[name] = {"scores": np.asarray(scores, float).tolist(), "draws": np.asarray(draws, float).tolist()}
    (FOLDER / "models_v1.json").write_text(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    main()
