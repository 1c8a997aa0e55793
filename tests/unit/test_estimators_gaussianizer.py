import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

import pushforward as pf

TINY = {"flow": "affine", "max_epochs": 2, "validation": None, "random_state": 0}


@pytest.fixture(scope="module")
def moons() -> np.ndarray:
    return pf.data.moons(400)


@pytest.fixture(scope="module")
def fitted(moons) -> pf.Gaussianizer:
    return pf.Gaussianizer(**TINY).fit(moons)


def test_there_and_back_is_the_identity(fitted, moons):
    z = fitted.transform(moons)
    assert z.shape == moons.shape
    np.testing.assert_allclose(z.std(axis=0), 1.0, atol=0.05)
    np.testing.assert_allclose(fitted.inverse_transform(z), moons, atol=1e-5)


def test_noise_becomes_rows_of_the_data(fitted, moons):
    rows = fitted.inverse_transform(np.random.default_rng(0).normal(size=(2000, 2)))
    np.testing.assert_allclose(rows.mean(axis=0), moons.mean(axis=0), atol=0.1)


def test_integers_come_back_as_they_were():
    x = np.random.default_rng(0).poisson([2, 30], (200, 2)).astype(float)
    gaussianizer = pf.Gaussianizer(**TINY, columns="infer")
    z = gaussianizer.fit_transform(x)
    np.testing.assert_array_equal(gaussianizer.inverse_transform(z), x)


def test_latent_columns_are_named(moons):
    frames = pytest.importorskip("pandas")
    frame = frames.DataFrame(moons, columns=["a", "b"])
    gaussianizer = pf.Gaussianizer(**TINY).set_output(transform="pandas")
    z = gaussianizer.fit_transform(frame)
    assert z.columns.tolist() == ["gaussianizer0", "gaussianizer1"]
    assert gaussianizer.get_feature_names_out().tolist() == ["gaussianizer0", "gaussianizer1"]
    np.testing.assert_allclose(gaussianizer.inverse_transform(z), moons, atol=1e-5)


def test_float32_stays_float32(fitted, moons):
    assert fitted.transform(moons.astype(np.float32)).dtype == np.float32
    assert fitted.transform(moons).dtype == np.float64


def test_stands_in_front_of_a_regression(moons):
    pipeline = make_pipeline(pf.Gaussianizer(**TINY), LinearRegression()).fit(moons, moons[:, 0])
    assert pipeline.score(moons, moons[:, 0]) == pytest.approx(1.0)


def test_a_density_file_can_be_loaded(moons, tmp_path):
    density = pf.FlowDensity(**TINY).fit(moons)
    density.save(tmp_path / "model.safetensors")
    loaded = pf.Gaussianizer.load(tmp_path / "model.safetensors")
    np.testing.assert_allclose(loaded.inverse_transform(loaded.transform(moons)), moons, atol=1e-5)


def test_flow_without_noise_is_refused(moons):
    with pytest.raises(ValueError, match="does not map rows to Gaussian noise"):
        pf.Gaussianizer("made").fit(moons)


def test_wrong_width_is_refused(fitted):
    with pytest.raises(ValueError, match="X has 3 columns, but the flow has 2"):
        fitted.inverse_transform(np.zeros((4, 3)))
