"""Tables with angles, and points of the sphere, through the estimators."""

import jax
import numpy as np
import pytest

import pushforward as pf
from pushforward._errors import DataError
from pushforward.data import Table

TINY = {"num_layers": 1, "num_bins": 4, "width": 8, "depth": 1}
QUICK = {"max_epochs": 2, "batch_size": 128, "random_state": 0}
ONCE = QUICK | {"max_epochs": 1, "validation": None}


@pytest.fixture(scope="module")
def wind() -> np.ndarray:
    """Speed, direction in degrees with its mode at the cut, and a gust that depends on both."""
    rng = np.random.default_rng(0)
    direction = rng.normal(0, 40, 600)
    speed = rng.lognormal(1 + 0.3 * np.cos(np.radians(direction)), 0.3)
    return np.stack([speed, direction % 360, speed * rng.lognormal(0.3, 0.1, 600)], axis=1)


@pytest.fixture(scope="module")
def fitted(wind):
    columns = {"x0": "positive", "x1": "circular(360)", "*": "infer"}
    settings = QUICK | {"max_epochs": 15, "learning_rate": 2e-2}
    return pf.FlowDensity("nsf", options=TINY, columns=columns, **settings).fit(wind)


def test_a_table_with_an_angle_is_scored_alike_in_every_turn(fitted, wind):
    scores = fitted.score_samples(wind[:50])
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(fitted.score_samples(wind[:50] + np.array([0, 360, 0])), scores, atol=1e-3)
    # 0.001 degrees on both sides of the cut
    np.testing.assert_allclose(
        fitted.score_samples(wind[:50] * [1, 0, 1] + [0, 359.999, 0]),
        fitted.score_samples(wind[:50] * [1, 0, 1] + [0, 0.001, 0]),
        atol=1e-2,
    )


def test_times_of_day_may_be_unix_seconds():
    """Of 1.7e9 float32 holds steps of 128 s alone, and of other turns none within the day."""
    day = 86400.0
    time = np.random.default_rng(0).normal(day / 2, 200, 300).round()
    unix = time + 19_000 * day
    settings = {"options": TINY, "columns": f"circular({day:g})", **ONCE}
    density, reduced = (pf.FlowDensity("nsf", **settings).fit(x[:, None]) for x in (unix, time))
    scores = reduced.score_samples(time[:, None])
    for x in (time, unix, time + 1e7 * day):
        np.testing.assert_allclose(density.score_samples(x[:, None]), scores, atol=1e-5)


def test_samples_come_back_within_the_period(fitted):
    x = fitted.sample(500, random_state=1)
    assert ((x[:, 1] >= 0) & (x[:, 1] < 360)).all()
    assert (x[:, 0] > 0).all()
    # The mode lies at the cut: both ends of the period are likelier than its middle.
    assert np.mean(np.cos(np.radians(x[:, 1]))) > 0.2


def test_a_model_with_an_angle_is_saved_whole(fitted, wind, tmp_path):
    fitted.save(tmp_path / "wind.safetensors")
    again = pf.FlowDensity.load(tmp_path / "wind.safetensors")
    assert str(again.schema_.columns[1].spec) == "circular(360)"
    np.testing.assert_array_equal(again.score_samples(wind[:20]), fitted.score_samples(wind[:20]))


def test_angles_alone_are_fitted_on_the_torus():
    x = np.random.default_rng(0).uniform(-180, 180, (300, 2))
    density = pf.FlowDensity("nsf", options=TINY, columns="circular(-180,180)", **QUICK).fit(x)
    assert density.score(x) == pytest.approx(-2 * np.log(360), abs=0.2)


def test_conditions_go_to_angles_and_to_the_others(wind):
    density = pf.ConditionalFlowDensity("maf", options=TINY, columns={"y1": "circular(360)"}, **QUICK)
    with pytest.raises(ValueError, match="no option 'num_bins'"):
        density.fit(wind[:, 2:], wind[:, :2])
    density.set_params(options={"num_layers": 1, "width": 8}).fit(wind[:, 2:], wind[:, :2])
    assert density.sample([[2.0], [5.0]], 3, random_state=0).shape == (6, 2)


@pytest.fixture(scope="module")
def given_direction(wind):
    """Speed given the direction in degrees and a colour, which say something; and gusts, which are numbers."""
    given = wind[:, [1, 1, 2]].astype(object)
    given[:, 1] = np.where(wind[:, 1] < 180, "red", "blue")
    columns = {"y0": "positive", "x0": "circular(360)"}
    return pf.ConditionalFlowDensity("maf", options={"num_layers": 1, "width": 8}, columns=columns, **QUICK).fit(
        given, wind[:, :1]
    ), given


def test_a_network_sees_cosine_and_sine_of_a_condition(given_direction, wind):
    density, given = given_direction
    kinds = [column.kind for column in density.condition_schema_.columns]
    assert kinds == ["circular", "categorical", "unbounded"]
    assert density.flow_.cond_shape == (3,)
    encoded = np.stack([wind[:, 1], given[:, 1] == "red", wind[:, 2]]).astype(np.float32)
    embed = jax.vmap(density.flow_.embedding.inverse, in_axes=1, out_axes=1)
    seen = np.asarray(embed(encoded))
    turned = np.radians(wind[:, 1] - 180)
    is_blue = given[:, 1] == "blue"
    gust = (wind[:, 2] - wind[:, 2].mean()) / wind[:, 2].std()
    np.testing.assert_allclose(seen, [np.cos(turned), np.sin(turned), is_blue, ~is_blue, gust], atol=1e-5)
    back = jax.vmap(density.flow_.embedding.forward, in_axes=1, out_axes=1)(seen)
    np.testing.assert_allclose(back, encoded, atol=1e-3)


def test_a_condition_of_another_turn_is_the_same_condition(given_direction, wind, tmp_path):
    density, given = given_direction
    scores = density.score_samples(given, wind[:, :1])
    for turns in (2, 10**7):
        later = given.copy()
        later[:, 0] += 360 * turns
        np.testing.assert_allclose(density.score_samples(later, wind[:, :1]), scores, atol=1e-4)
    density.save(tmp_path / "m.safetensors")
    again = pf.ConditionalFlowDensity.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.score_samples(given, wind[:, :1]), scores)


def test_latitude_and_longitude_are_fitted_on_the_sphere():
    rng = np.random.default_rng(0)
    x = np.stack([np.degrees(np.arcsin(rng.uniform(-1, 1, 400))), rng.uniform(-180, 180, 400)], axis=1)
    density = pf.FlowDensity("sphere", options=TINY, **QUICK).fit(x)
    samples = density.sample(200, random_state=0)
    assert np.abs(samples[:, 0]).max() <= 90
    assert ((samples[:, 1] >= -180) & (samples[:, 1] < 180)).all()
    on_sphere = np.log(np.cos(np.radians(x[:, 0]))) - np.log(4 * np.pi) + 2 * np.log(np.pi / 180)
    assert density.score(x) == pytest.approx(on_sphere.mean(), abs=0.2)
    assert density.score_samples([[95.0, 0.0]]).item() == -np.inf


def test_points_off_the_sphere_have_no_density():
    x = np.random.default_rng(0).normal(size=(100, 3))
    density = pf.FlowDensity("sphere", options=TINY, **ONCE).fit(x / np.linalg.norm(x, axis=1, keepdims=True))
    scores = density.score_samples([[1.0, 0, 0], [2, 0, 0], [0, 0, 0], [1e-3, 0, 5]])
    assert np.isneginf(scores).tolist() == [False, True, True, True]


def places(*names: str) -> Table:
    rng = np.random.default_rng(0)
    lat, lon = rng.normal(50, 3, 100), rng.normal(0, 3, 100)
    return Table(names, np.stack([lat, lon % 360] if names[0] == "lat" else [lon, lat], axis=1))


def test_a_longitude_may_be_counted_from_zero():
    density = pf.FlowDensity("sphere", columns={"lon": "circular(360)"}, options=TINY, **ONCE).fit(places("lat", "lon"))
    assert str(density.schema_.columns[1].spec) == "circular(360)"
    longitude = density.sample(200, random_state=0)[:, 1]
    assert ((longitude >= 0) & (longitude < 360)).all()


@pytest.mark.parametrize("names", [("lon", "lat"), ("Longitude", "Latitude")])
def test_longitude_before_latitude_is_refused(names):
    with pytest.raises(DataError, match="takes latitude and then longitude") as caught:
        pf.FlowDensity("sphere", options=TINY, **ONCE).fit(places(*names))
    assert f"{names[1]!r} first" in caught.value.hint


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.random.default_rng(0).normal(0, 1, (50, 3)), "on the unit sphere, but row"),
        (np.random.default_rng(0).uniform(-180, 180, (50, 2)), r"cannot be bounded\(-90,90\)"),
        (np.random.default_rng(0).normal(0, 1, (50, 4)), "`dim` must be 3"),
    ],
)
def test_rows_that_are_no_points_of_the_sphere_are_refused(x, message):
    with pytest.raises(ValueError, match=message):
        pf.FlowDensity("sphere", options=TINY, **QUICK).fit(x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pf.FlowDensity("maf", columns="circular(360)"), "choose 'circular-nsf'"),
        (lambda: pf.FlowDensity("circular-nsf"), "there is none"),
        (lambda: pf.FlowDensity("made-bernoulli", columns={"x1": "circular(360)"}), "zeros and ones alone"),
        (lambda: pf.Gaussianizer("nsf", columns={"x1": "circular(360)"}), "cannot become Gaussian noise"),
    ],
)
def test_flows_that_cannot_take_the_columns_say_which_can(make, message, wind):
    with pytest.raises(ValueError, match=message):
        make().fit(wind)


def test_a_picture_shows_a_circle_once(fitted):
    from pushforward.modalities.table._pictures import Subject

    rows = np.array([[3.0, 10.0, 4.0], [3.0, 370.0, 4.0], [3.0, -1.0, 4.0]])
    np.testing.assert_array_equal(
        np.isfinite(Subject(fitted.model_, None, None, 0).log_density(rows)), [True, False, False]
    )
