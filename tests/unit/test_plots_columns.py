"""Columns are chosen and ordered, whole numbers have bins of their own, and nothing is cut."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import poisson

from pushforward import plots
from pushforward.data import Table
from pushforward.distributions import Normal
from pushforward.plots._axes import Ticks
from pushforward.plots._bins import cells_of
from pushforward.plots._corner import _blurred

LONG = "a long name of a column, in kg per square metre and day"


@pytest.fixture
def rows(rng: np.random.Generator) -> np.ndarray:
    """A rating from 1 to 5, a number around 1e6, and one around 1e-7."""
    return np.column_stack([rng.integers(1, 6, 200), rng.normal(1e6, 1e5, 200), rng.normal(1e-7, 1e-8, 200)])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_each_of_few_whole_numbers_has_a_cell_with_edges_at_halves():
    cells = cells_of((0.6, 5.4), 30, whole=True)
    assert cells.edges.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    assert cells.middles.tolist() == [1, 2, 3, 4, 5]


def test_cells_of_many_whole_numbers_hold_as_many_each():
    cells = cells_of((0.0, 99.0), 30, whole=True)
    assert set(np.diff(cells.edges)) == {4.0}
    assert cells.edges[0] == -0.5
    assert cells.edges[-1] >= 99.5
    assert np.all(cells.middles == np.floor(cells.middles))


def test_the_histogram_of_a_rating_has_a_bar_for_each_value(rows: np.ndarray):
    axes = plots.corner(rows, columns=[0]).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [1.0] * len(axes.patches)
    shares = {bar.get_x() + 0.5: bar.get_height() for bar in axes.patches if bar.get_height()}
    values, counts = np.unique(rows[:, 0], return_counts=True)
    assert shares == pytest.approx(dict(zip(values, counts / len(rows), strict=True)))


def test_the_density_of_whole_numbers_is_drawn_at_them():
    figure = plots.density_grid(lambda x: poisson.logpmf(x[:, 0], 3.0), limits=[(0, 8)], whole=[True])
    steps = figure.axes[0].patches[0].get_data()
    assert steps.edges.tolist() == [i - 0.5 for i in range(10)]
    np.testing.assert_allclose(steps.values, poisson.pmf(range(9), 3.0))
    assert figure.axes[0].get_ylabel() == "probability"


def test_a_whole_and_a_real_column_have_cells_of_their_own():
    def log_density(x: np.ndarray) -> np.ndarray:
        return poisson.logpmf(x[:, 0], 3.0) - 0.5 * x[:, 1] ** 2 - 0.5 * np.log(2 * np.pi)

    figure = plots.density_grid(
        log_density, limits=[(0, 6), (-3, 3)], whole=[True, False], names=["n", "x"], resolution=31
    )
    (image,) = figure.axes[0].images
    assert image.get_extent() == [-0.5, 6.5, -3, 3]
    np.testing.assert_allclose(image.get_array()[15], poisson.pmf(range(7), 3.0) / np.sqrt(2 * np.pi), rtol=1e-6)
    assert figure.axes[1].get_ylabel() == "density per unit of x"


def test_densities_that_are_compared_have_one_scale_of_colours():
    flows = {"narrow": Normal(np.zeros(2), 0.5 * np.ones(2)), "wide": Normal(np.zeros(2), 2.0 * np.ones(2))}
    narrow, wide, *bars = plots.density_grid(flows, limits=[(-2, 2), (-2, 2)], resolution=21).axes
    assert narrow.images[0].get_clim() == wide.images[0].get_clim()
    assert narrow.images[0].get_clim()[1] == pytest.approx(4 / (2 * np.pi))
    assert len(bars) == 1


def test_columns_are_chosen_and_ordered(rows: np.ndarray):
    figure = plots.corner(rows, names=["rating", "b", "c"], columns=["c", "rating"])
    assert [a.get_xlabel().split()[0] for a in figure.axes if a.get_xlabel()] == ["c", "rating"]
    with pytest.raises(ValueError, match="did you mean 'rating'"):
        plots.corner(rows, names=["rating", "b", "c"], columns=["ratin"])
    with pytest.raises(ValueError, match="each once"):
        plots.corner(rows, columns=[1, 1])
    beside = plots.samples_beside_data(rows, rows, names=["rating", "b", "c"], columns=["b", "rating"])
    assert (beside.axes[0].get_xlabel(), beside.axes[0].get_ylabel()) == ("b ($10^{6}$)", "rating")


def test_a_density_is_turned_with_its_columns():
    normal = Normal(np.array([0.0, 1.0]), np.array([1.0, 0.2]))
    straight, turned = (
        plots.density_grid(normal, limits=[(-3, 3), (0, 2)], resolution=20, columns=columns).axes[0]
        for columns in ([0, 1], [1, 0])
    )
    np.testing.assert_array_equal(straight.images[0].get_array(), turned.images[0].get_array().T)
    assert (turned.get_xlabel(), turned.get_xlim()) == ("x2", (0.0, 2.0))


def test_categories_in_a_corner_are_bars_with_names(rng: np.random.Generator):
    x = np.column_stack([rng.integers(0, 2, 60), rng.normal(size=60)])
    figure = plots.corner(x, names=["colour", "b"], categories={"colour": ("blue", "red")})
    bars = figure.axes[0].patches
    assert [bar.get_height() for bar in bars] == pytest.approx([np.mean(x[:, 0] == 0), np.mean(x[:, 0] == 1)])
    assert [tick.get_text() for tick in figure.axes[1].get_xticklabels()] == ["blue", "red"]


def test_a_blur_keeps_what_lies_at_the_ends():
    counts = np.zeros((10, 4))
    counts[0] = 1.0
    np.testing.assert_allclose(_blurred(counts, 0).sum(), counts.sum())


@pytest.mark.parametrize(
    ("limits", "label", "ticks"),
    [
        ((0.0, 20.0), "a", {0.0: "0", 5.0: "5"}),
        ((0.0, 1e6), "a ($10^{6}$)", {0.0: "0.0", 5e5: "0.5"}),
        ((0.0, 3e-7), "a ($10^{-9}$)", {1e-7: "100", 2e-7: "200"}),
        ((1.7e9 + 1, 1.7e9 + 9), "a - 1700000000", {1.7e9 + 2: "2", 1.7e9 + 8: "8"}),
    ],
)
def test_ticks_are_short_and_the_label_says_how_they_are_counted(limits, label, ticks):
    scale = Ticks.between(*limits)
    assert scale.told("a") == label
    assert dict(zip(ticks, scale.text(list(ticks)), strict=True)) == ticks


def _fits(figure: Figure) -> bool:
    """Whether all that is drawn lies within the figure, to a dot."""
    figure.draw_without_rendering()
    box, (width, height) = figure.get_tightbbox(FigureCanvasAgg(figure).get_renderer()), figure.get_size_inches()
    dot = 1.0 / figure.dpi
    return bool(min(box.x0, box.y0) > -dot and box.x1 < width + dot and box.y1 < height + dot)


def test_long_names_are_broken_and_not_cut(rows: np.ndarray):
    x = rows[:, 1:2]
    for figure in (
        plots.density_grid(Normal(x.mean(0), x.std(0)), x, names=[LONG], resolution=20, title=LONG, size=(3.0, 3.0)),
        plots.density_grid(Normal.standard((2,)), names=[LONG, LONG.replace(" ", "_")], resolution=20),
        plots.loss_curve([{"number": 1, "train": 1.0}], ylabel=LONG, title=LONG, size=(2.5, 2.0)),
        plots.corner(rows, names=[LONG, "costs $ per $ unit".replace("$", r"\$"), "c"], size=(4.0, 4.0)),
    ):
        assert _fits(figure)


def test_a_size_is_kept_and_a_wrong_one_refused(rows: np.ndarray):
    assert plots.corner(rows, size=(5, 4)).get_size_inches().tolist() == [5, 4]
    with pytest.raises(ValueError, match="inches"):
        plots.corner(rows, size=(0.0, 4.0))


def test_shares_have_one_scale_and_the_names_that_are_given():
    colours = Table(("a", "b"), np.array([[0.0, 0.0], [1.0, 0.0]]), categories={"a": ("x", "y"), "b": ("u", "v")})
    first, second = plots.shares(colours, names=["A", "B"], columns=["b", "a"]).axes
    assert (first.get_title(loc="left"), second.get_title(loc="left")) == ("B", "A")
    assert first.get_ylim() == second.get_ylim()


@pytest.mark.parametrize("ending", ["pdf", "svg", "png"])
def test_the_same_picture_is_the_same_file(tmp_path, rows: np.ndarray, ending: str):
    files = [plots.save(plots.corner(rows[:, :2], rows[:, :2]), tmp_path / f"{i}.{ending}") for i in (0, 1)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert b"CreationDate" not in files[0].read_bytes()
    assert b"<dc:date>" not in files[0].read_bytes()
