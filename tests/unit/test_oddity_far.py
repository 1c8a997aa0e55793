"""Rows far from all others."""

from typing import Any

import numpy as np

from pushforward.data import Table
from pushforward.modalities.table._rows import Rows
from pushforward.modalities.table.oddity._far import far_rows, sampled_distance


def as_rows(x: np.ndarray, **more: Any) -> Rows:
    return Rows(Table(tuple(f"x{i}" for i in range(x.shape[1])), x, **more), None, None)


def test_outliers_that_lie_together_are_far_and_few_others():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(380, 3)), 9.0 + 0.1 * rng.normal(size=(20, 3))])
    far = far_rows(as_rows(x), rng)
    assert far[380:].all()
    assert far[:380].mean() < 0.05


def test_of_a_normal_and_of_few_rows_hardly_any_is_far():
    rng = np.random.default_rng(1)
    assert far_rows(as_rows(rng.normal(size=(1000, 4))), rng).mean() < 0.03
    assert not far_rows(as_rows(np.vstack([rng.normal(size=(38, 1)), [[50.0]]])), rng).any()


def test_units_do_not_matter():
    x = np.random.default_rng(2).normal(size=(300, 2)) ** 3
    first, second = (far_rows(as_rows(x * scale), np.random.default_rng(0)) for scale in ([1.0, 1.0], [1e-3, 1e4]))
    np.testing.assert_array_equal(first, second)


def test_a_distance_to_the_nearest_of_all_others_is_that_of_a_sample_of_all():
    """Nine points on a line, of which each time eight are drawn: never a point itself."""
    points = np.arange(9.0)[:, None]
    distances = sampled_distance(points, np.random.default_rng(0))
    assert (distances >= 1.0).all()
    assert (distances < 1.5).all()


def test_the_only_row_of_a_category_is_kept():
    rng = np.random.default_rng(3)
    x = np.column_stack([rng.normal(size=100), np.repeat([0.0, 1.0], [99, 1])])
    x[[5, 99], 0] = 40.0
    given = {"kinds": ("float", "category"), "categories": {"x1": ("a", "b")}}
    far = far_rows(as_rows(x, **given), rng)
    assert far[5]
    assert not far[99]
