"""`pushforward classify`: classes of rows and of images by Bayes' rule."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import logsumexp

import pushforward as pf
from pushforward.modalities._model import read_model, write_model

GOLDEN = Path(__file__).parents[1] / "golden" / "labelled_v1.safetensors"
"""A model of images given their labels, of a release whose files do not know how often each label was there."""

QUICK = ("--max-epochs", "20", "--flow", "affine", "-q")


@pytest.fixture(scope="module")
def blobs(tmp_path_factory) -> Path:
    """Two Gaussians of deviation 1 at -1.5 and 1.5, three rows of `low` for one of `high`."""
    rng = np.random.default_rng(0)
    high = np.arange(600) % 4 == 0
    x = rng.normal(np.where(high, 1.5, -1.5)[:, None], 1.0, (600, 2))
    path = tmp_path_factory.mktemp("classes") / "blobs.csv"
    lines = [f"{a},{b},{'high' if h else 'low'}" for (a, b), h in zip(x, high, strict=True)]
    path.write_text("\n".join(["a,b,kind", *lines]) + "\n")
    return path


@pytest.fixture(scope="module")
def model(blobs) -> Path:
    from click.testing import CliRunner

    from pushforward.cli import main

    path = blobs.with_name("model.safetensors")
    arguments = ["fit", str(blobs), "-o", str(path), "--condition", "kind", "--seed", "0", *QUICK]
    result = CliRunner().invoke(main, arguments, standalone_mode=False)
    assert result.exception is None, result.exception
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_rows_get_the_class_of_bayes_rule(works, model, blobs, tmp_path):
    told = works("classify", model, blobs, "--truth", "kind", "-o", tmp_path / "c.csv").stderr
    found = rows_of(tmp_path / "c.csv")
    assert list(found[0]) == ["row", "kind", "class", "p_high", "p_low", "log_prob"]
    density = pf.ConditionalFlowDensity.load(model)
    data = np.array([[row["a"], row["b"]] for row in rows_of(blobs)], float)
    names = [np.full((600, 1), name, dtype=object) for name in ("high", "low")]
    given = np.stack([density.score_samples(name, data) for name in names], axis=1)
    joint = given + np.log([0.25, 0.75])  # the shares in training
    np.testing.assert_allclose([float(row["log_prob"]) for row in found], logsumexp(joint, axis=1), rtol=1e-4)
    right = np.exp(joint[:, 0] - logsumexp(joint, axis=1))
    np.testing.assert_allclose([float(row["p_high"]) for row in found], right, atol=1e-4)
    share = np.mean([row["class"] == row["kind"] for row in found])
    assert share > 0.95
    assert f"of 600 whose class is known, {100 * share:.1f} % are right" in told


def test_a_prior_moves_the_classes(works, model, blobs, tmp_path):
    works("classify", model, blobs, "--prior", "high=99", "--prior", "low=1", "-o", tmp_path / "c.csv", "-q")
    works("classify", model, blobs, "-o", tmp_path / "d.csv", "-q")
    many, few = (sum(row["class"] == "high" for row in rows_of(tmp_path / name)) for name in ("c.csv", "d.csv"))
    assert many > few


def test_rows_without_a_cell_and_columns_that_are_kept(works, model, tmp_path):
    data = tmp_path / "new.csv"
    data.write_text("id,a,b\nx,2,2\ny,,1\nz,-2,-2\n")
    works("classify", model, data, "--keep", "id", "--drop-missing", "-o", tmp_path / "c.csv", "-q")
    found = rows_of(tmp_path / "c.csv")
    assert [(row["row"], row["id"], row["class"]) for row in found] == [
        ("1", "x", "high"),
        ("2", "y", ""),
        ("3", "z", "low"),
    ]


def test_an_estimators_file_is_taken(works, blobs, tmp_path):
    data = rows_of(blobs)
    x, y = np.array([[row["a"], row["b"]] for row in data], float), [row["kind"] for row in data]
    classifier = pf.FlowClassifier("affine", max_epochs=5, random_state=0).fit(x, y)
    classifier.save(tmp_path / "m.safetensors")
    np.savetxt(tmp_path / "x.csv", x, delimiter=",", header="x0,x1", comments="")
    works("classify", tmp_path / "m.safetensors", tmp_path / "x.csv", "-o", tmp_path / "c.csv", "-q")
    found = rows_of(tmp_path / "c.csv")
    proba = classifier.predict_proba(x)
    np.testing.assert_allclose([float(row["p_high"]) for row in found], proba[:, 0], atol=1e-4)


@pytest.mark.parametrize("shares", [(), (0.9, 0.1)])
def test_labels_of_images_count_by_their_shares_where_a_file_knows_them(works, tmp_path, shares):
    old = read_model(GOLDEN)
    assert old.facts.condition_shares == ()
    write_model(tmp_path / "m.safetensors", replace(old, facts=replace(old.facts, condition_shares=shares)))
    x = np.random.default_rng(0).integers(32, size=(3, 4, 4)).astype(np.uint8)
    np.save(tmp_path / "x.npy", x)
    works("classify", tmp_path / "m.safetensors", tmp_path / "x.npy", "-o", tmp_path / "c.csv", "-q")
    density = pf.ImageDensity.load(GOLDEN)
    images = pf.data.read_images(str(tmp_path / "x.npy"), bits=5)
    given = np.stack([density.score_samples(images, [name] * 3, draws=4) for name in density.labels_], axis=1)
    joint = given + np.log(shares or (0.5, 0.5))
    right = np.exp(joint[:, 0] - logsumexp(joint, axis=1))
    np.testing.assert_allclose([float(row["p_even"]) for row in rows_of(tmp_path / "c.csv")], right, rtol=1e-5)


@pytest.mark.slow
def test_images_get_their_labels(works, fails, tmp_path):
    rng = np.random.default_rng(0)
    y = np.repeat(["dark", "bright"], [90, 30])
    x = rng.normal(np.where(y == "bright", 170.0, 80.0)[:, None, None], 30.0, (120, 4, 4)).clip(0, 255).astype(np.uint8)
    np.savez(tmp_path / "images.npz", x=x, y=y)
    # With one step the label would reach only the half of the pixels that the other half tells already.
    small = ("--set", "num_levels=1", "--set", "num_steps=2", "--set", "width=8")
    train = ("--max-epochs", "6", "--batch-size", "8", "--learning-rate", "0.01", "-q")
    works("fit", tmp_path / "images.npz", "-o", tmp_path / "m.safetensors", "--labels", *small, *train)
    told = works("classify", tmp_path / "m.safetensors", tmp_path / "images.npz", "-o", tmp_path / "c.csv").stderr
    assert read_model(tmp_path / "m.safetensors").facts.condition_shares == (0.25, 0.75)
    found = rows_of(tmp_path / "c.csv")
    assert list(found[0]) == ["image", "class", "p_bright", "p_dark", "log_prob"]
    assert np.mean([row["class"] == name for row, name in zip(found, y, strict=True)]) > 0.9
    assert "of 120 whose class is known" in told
    works("fit", tmp_path / "images.npz", "-o", tmp_path / "plain.safetensors", *small, "--max-epochs", "1", "-q")
    error, hint = fails("classify", tmp_path / "plain.safetensors", tmp_path / "images.npz", "-q", code=2)
    assert "knows no labels" in error
    assert "--labels" in hint


def test_what_cannot_be_used_says_why(works, fails, model, blobs, tmp_path):
    error, hint = fails("classify", model, blobs, "--prior", "hihg=1", "-q")
    assert "'hihg' is not a class" in error
    assert "high" in hint
    error, _ = fails("classify", model, blobs, "--prior", "high=1", "-q")
    assert "no number for low" in error
    error, _ = fails("classify", model, blobs, "--prior", "high=0", "-q", code=2)
    assert "not in the range" in error
    works(
        "fit", blobs, "-o", tmp_path / "m.safetensors", "--drop", "kind", "--max-epochs", "1", "--flow", "affine", "-q"
    )
    error, hint = fails("classify", tmp_path / "m.safetensors", blobs, "-q", code=2)
    assert "knows no classes" in error
    assert "--condition" in hint
    error, _ = fails("classify", model, blobs, "--truth", "knid", "-q")
    assert "--truth: no column 'knid'" in error
    assert "knid" in error
