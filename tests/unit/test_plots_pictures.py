"""Every picture shows what it says, and leaves Matplotlib as it was."""

import json

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import pushforward as pf
from pushforward import plots
from pushforward._errors import DataError, FileError
from pushforward.bijections import Affine, Chain, Exp
from pushforward.distributions import Normal, Transformed
from pushforward.plots._density import height_of
from pushforward.train import Epoch, FitResult


@pytest.fixture
def moons() -> np.ndarray:
    return pf.data.moons(400)


def test_a_picture_leaves_pyplot_and_the_settings_as_they_were():
    import matplotlib.pyplot as plt

    before = dict(matplotlib.rcParams)
    figure = plots.density_grid(Normal.standard((2,)), resolution=20)
    assert isinstance(figure, Figure)
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == before


def test_density_colours_are_the_density():
    normal = Normal(jnp.zeros(2), jnp.array([1.0, 2.0]))
    figure = plots.density_grid(normal, limits=[(-1, 1), (-3, 3)], resolution=3, levels=())
    (image,) = figure.axes[0].images
    expected = np.exp(normal.log_prob(np.array([[-2 / 3, 2.0], [0, 2], [2 / 3, 2]])))
    np.testing.assert_allclose(image.get_array()[2], expected, rtol=1e-6)  # the last row is the top
    assert (image.origin, image.get_extent()) == ("lower", [-1, 1, -3, 3])


def test_log_colours_end_twelve_nats_below_the_highest():
    figure = plots.density_grid(Normal.standard((2,)), limits=[(-9, 9), (-9, 9)], log=True, resolution=21)
    values = figure.axes[0].images[0].get_array()
    assert values.max() - values.min() == pytest.approx(plots._density.LOG_SPAN)


@pytest.mark.parametrize("probability", [0.5, 0.9, 0.99])
def test_a_line_holds_its_probability(probability: float):
    x = np.linspace(-6, 6, 401)
    log_density = -0.5 * (x[:, None] ** 2 + x**2) - np.log(2 * np.pi)
    found = height_of(log_density, (x[1] - x[0]) ** 2, probability)
    # A standard normal in two dimensions holds 1 - exp(-r^2 / 2) within radius r.
    assert found == pytest.approx(np.log(1 - probability) - np.log(2 * np.pi), abs=0.02)


def test_no_line_is_drawn_for_a_probability_that_the_window_does_not_hold():
    assert height_of(np.full((10, 10), np.log(0.8)), 0.01, 0.9) is None
    assert height_of(np.full((10, 10), -np.inf), 0.01, 0.9) is None


def test_several_densities_share_the_window_of_the_data(moons: np.ndarray):
    figure = plots.density_grid(
        {"true": pf.data.moons_log_density, "base": Normal.standard((2,))}, moons, resolution=30
    )
    panels = figure.axes[:2]
    assert [axes.get_title(loc="left") for axes in panels] == ["true", "base"]
    assert panels[0].get_xlim() == panels[1].get_xlim()
    assert panels[0].get_xlim()[0] < moons[:, 0].min()


def test_one_column_is_a_curve_that_is_the_density():
    flow = Transformed(Normal.standard((1,)), Exp((1,)))
    figure = plots.density_grid(flow, limits=[(0.1, 3.0)], resolution=20)
    (line,) = figure.axes[0].lines
    x, y = line.get_data()
    np.testing.assert_allclose(y, np.exp(-0.5 * np.log(x) ** 2) / (x * np.sqrt(2 * np.pi)), rtol=1e-4)


def test_a_density_without_a_window_or_of_three_columns_is_refused():
    with pytest.raises(ValueError, match="Give `data` or `limits`"):
        plots.density_grid(pf.data.moons_log_density)
    with pytest.raises(ValueError, match="Use `corner`"):
        plots.density_grid(Normal.standard((3,)))
    with pytest.raises(ValueError, match="probabilities"):
        plots.density_grid(Normal.standard((2,)), levels=(50.0,))


def test_samples_are_as_many_as_the_data_and_share_its_axes(moons: np.ndarray):
    figure = plots.samples_beside_data(Normal.standard((2,)), pd.DataFrame(moons, columns=["east", "north"]))
    data, samples = figure.axes
    assert len(data.collections[0].get_offsets()) == len(samples.collections[0].get_offsets()) == len(moons)
    assert data.get_ylim() == samples.get_ylim()
    assert (data.get_xlabel(), data.get_ylabel()) == ("east", "north")


def test_a_conditional_flow_gives_one_sample_for_each_row(key: jax.Array, moons: np.ndarray):
    conditional = pf.flows.maf(2, num_layers=1, width=8, cond_dim=1, key=key)
    figure = plots.samples_beside_data(conditional, moons, condition=np.zeros((len(moons), 1)))
    assert len(figure.axes[1].collections[0].get_offsets()) == len(moons)


def test_samples_of_three_columns_are_refused(moons: np.ndarray):
    with pytest.raises(ValueError, match="the data have 2 columns, the samples 3"):
        plots.samples_beside_data(np.zeros((5, 3)), moons)
    with pytest.raises(ValueError, match="or use `corner`"):
        plots.samples_beside_data(np.zeros((5, 3)), np.zeros((5, 3)))


def test_a_corner_plot_has_a_panel_for_every_pair():
    x = np.random.default_rng(0).normal(size=(300, 4))
    assert len(plots.corner(x, x[::-1]).axes) == 10


def test_a_corner_plot_of_many_columns_shows_those_that_fit_worst():
    x = np.random.default_rng(0).normal(size=(300, 12))
    samples = x.copy()
    samples[:, [3, 7]] += 1.0
    figure = plots.corner(x, samples, max_columns=2)
    assert [axes.get_xlabel() for axes in figure.axes if axes.get_xlabel()] == ["x4", "x8"]
    assert "2 of 12 columns" in figure.legends[0].get_title().get_text()


def test_a_corner_plot_without_samples_shows_the_data():
    figure = plots.corner(np.random.default_rng(0).normal(size=(50, 12)), max_columns=3)
    assert "the first 3 of 12 columns" in figure.legends[0].get_title().get_text()


def test_rows_that_are_not_finite_are_left_out(moons: np.ndarray):
    moons[0] = np.nan
    moons[1, 1] = np.inf
    figure = plots.samples_beside_data(np.zeros((len(moons), 2)), moons)
    assert len(figure.axes[0].collections[0].get_offsets()) == len(moons) - 2
    with pytest.raises(DataError, match="no row without NaN"):
        plots.corner(np.full((3, 2), np.nan))


def test_names_must_fit_the_columns(moons: np.ndarray):
    with pytest.raises(ValueError, match="one name for each of 2 columns"):
        plots.corner(moons, names=["a"])


def _history() -> tuple[Epoch, ...]:
    losses = [(3.0, 2.5), (2.0, 1.5), (1.5, 1.8)]
    return tuple(Epoch(i + 1, train, validation, 1e-3, 0.1) for i, (train, validation) in enumerate(losses))


def test_the_loss_curve_takes_a_result_its_history_and_its_plain_data():
    result = FitResult(Normal.standard((2,)), _history(), 2, 1.5, 4.0, "all epochs are done", (), 1.0)
    plain = json.loads(json.dumps(result.summary()))
    for history in (result, result.history, plain, plain["history"]):
        training, validation, best = plots.loss_curve(history).axes[0].lines
        assert training.get_ydata().tolist() == [3.0, 2.0, 1.5]
        assert validation.get_ydata().tolist() == [2.5, 1.5, 1.8]
        assert best.get_label() == "kept: 1.500 at epoch 2"


def test_the_loss_curve_marks_the_flow_before_training_where_that_is_kept():
    result = FitResult(Normal.standard((2,)), _history(), 0, 1.2, 1.2, "no epoch was better", (), 1.0)
    axes = plots.loss_curve(result).axes[0]
    kept = axes.lines[2]
    assert kept.get_label() == "kept: 1.200 before training"
    assert (kept.get_xdata()[0], kept.get_ydata()[0]) == (0, 1.2)
    assert axes.get_ylim()[0] < 1.2


def test_the_loss_curve_stands_losses_that_are_missing():
    epochs = [{"number": 1, "train": None, "validation": None}, {"number": 2, "train": 1.0, "validation": None}]
    (training,) = plots.loss_curve(epochs).axes[0].lines
    assert np.isnan(training.get_ydata()).tolist() == [True, False]
    with pytest.raises(DataError, match="no epoch with a finite loss"):
        plots.loss_curve(epochs[:1])


def test_an_early_spike_does_not_flatten_the_loss_curve():
    epochs = [{"number": i, "train": 1e6 if i == 1 else 1 + 1 / i, "validation": None} for i in range(1, 101)]
    low, high = plots.loss_curve(epochs, reference=0.9).axes[0].get_ylim()
    assert low < 0.9
    assert high < 3


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_a_picture_is_saved_in_the_format_of_its_ending(tmp_path, ending: str):
    figure = plots.density_grid(Normal.standard((2,)), resolution=20)
    path = plots.save(figure, tmp_path / "new" / f"picture.{ending}")
    magic = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}
    assert path.read_bytes().startswith(magic[ending])


def test_a_picture_that_cannot_be_saved_says_why(tmp_path):
    figure = plots.density_grid(Normal.standard((2,)), resolution=20)
    with pytest.raises(FileError, match=r"its ending is not known(.|\n)*\.png"):
        plots.save(figure, tmp_path / "picture.xyz")
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot write"):
        plots.save(figure, tmp_path / "file" / "picture.png")


def test_an_affine_chain_in_one_dimension_can_be_drawn():
    flow = Transformed(Normal.standard((1,)), Chain([Affine(jnp.ones(1), 2.0)]))
    figure = plots.density_grid({"a": flow, "b": flow}, np.linspace(-5, 7, 50), log=True)
    assert figure.axes[0].get_yscale() == "log"


def test_waves_and_spectrograms_say_their_seconds():
    figure = plots.waves([[np.sin(np.arange(800.0)), np.ones(400)]] * 2, 8000, labels=["a", "b"], titles=["x", "y"])
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == ["x", "y"]
    assert figure.axes[2].get_xlim() == pytest.approx((0, 0.1))
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), np.sin(np.arange(800.0)))
    spectra = plots.spectrograms([[np.arange(200.0).reshape(10, 20)]], 0.5)
    (image,) = spectra.axes[0].images
    np.testing.assert_array_equal(image.get_array()[0], np.arange(10) * 20.0)  # the lowest band, below
    assert spectra.axes[0].get_xlim() == (0.0, 5.0)
    with pytest.raises(ValueError, match="rows of one length"):
        plots.waves([[np.ones(3)], []], 8000)


def test_a_fan_holds_the_stated_shares_of_the_paths():
    paths = np.random.default_rng(0).normal(size=(500, 3, 2))
    days = np.datetime64("2024-01-01") + np.arange(8).astype("timedelta64[D]")
    figure = plots.fan(days[:5], np.zeros((5, 2)), days[5:], paths, names=["a", "$b$"])
    wide = figure.axes[0].collections[0].get_paths()[0].vertices[:, 1]
    held = (paths[:, 0, 0] > wide.min()) & (paths[:, 0, 0] < wide.max())
    assert held.mean() > 0.85
    median = figure.axes[1].lines[-1].get_ydata()
    np.testing.assert_allclose(median, np.median(paths[:, :, 1], axis=0))
    with pytest.raises(ValueError, match="2 series of paths, 3 of the past"):
        plots.fan(days[:5], np.zeros((5, 3)), days[5:], paths, names=["a", "b"])
    squares = plots.correlations([np.array([[1.0, -0.5], [-0.5, 1.0]])], names=["a", "b"], titles=["t"])
    np.testing.assert_array_equal(squares.axes[0].images[0].get_array(), [[1.0, -0.5], [-0.5, 1.0]])


@pytest.mark.parametrize("shape", [(1, 8, 8, 1), (10, 8, 8, 1), (100, 8, 8, 1), (2, 1, 200, 3)])
def test_one_row_of_images_is_a_picture(shape: tuple[int, ...]):
    images = np.full(shape, 7.0)
    assert min(plots.image_rows([images]).get_size_inches()) >= 1
    assert min(plots.image_rows([images], labels=["row"]).get_size_inches()) >= 1
    assert plots.image_rows([images], size=(3.0, 2.0)).get_size_inches().tolist() == [3.0, 2.0]
