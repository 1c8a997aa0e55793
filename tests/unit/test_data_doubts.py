"""Columns that are named before a density grows without end, or that measure nothing."""

import numpy as np
import pytest

import pushforward as pf
from pushforward.data import Table, column_warnings, infer_schema

N = 2000
RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(2, N))


def warnings_of(**columns: np.ndarray) -> tuple[str, ...]:
    table = Table(tuple(columns), np.stack([np.asarray(cells, float) for cells in columns.values()], axis=1))
    return column_warnings(table, infer_schema(table)[0])


@pytest.mark.parametrize(
    ("third", "said"),
    [
        (A, "'c' follows 'a'"),
        (-3 * A + 1e6, "'c' follows 'a'"),
        (np.round(A + 2 * B, 2), "'c' is a linear function of columns 'a', 'b'"),
    ],
    ids=["copy", "other unit", "rounded sum"],
)
def test_a_column_that_others_give_is_named(third, said):
    (warning,) = warnings_of(a=A, b=B, c=third)
    assert said in warning
    assert "`--drop c`" in warning


@pytest.mark.parametrize(
    "third", [A + 0.02 * RNG.normal(size=N), A * B, np.abs(A), A**3], ids=["near", "product", "absolute", "cube"]
)
def test_a_column_that_is_only_near_to_others_is_not(third):
    assert warnings_of(a=A, b=B, c=third) == ()


def test_few_rows_lie_in_a_plane_anyway():
    table = Table(tuple("abcdef"), RNG.normal(size=(6, 6)))
    assert column_warnings(table, infer_schema(table)[0]) == ()


def test_values_of_all_sizes_are_looked_at():
    (warning,) = warnings_of(a=1e25 * A, b=1e-25 * B, c=2e-25 * B)
    assert "'c' follows 'b'" in warning


def test_a_spread_that_no_float_holds_is_no_reason_to_stop():
    """Squares of 1e-300 are 0; whether such a column can be learned is said elsewhere."""
    assert warnings_of(a=1e-300 * A, b=B) == ()


def test_row_numbers_and_identifiers_are_named():
    rows = np.arange(N)
    first, second = warnings_of(**{"Unnamed: 0": rows, "patient_id": RNG.permutation(9 * N)[:N], "a": A})
    assert "'Unnamed: 0' counts the rows, from 0 to 1999" in first
    assert "`--drop 'Unnamed: 0'`" in first
    assert "'patient_id' is another whole number in every row" in second


def test_counts_and_names_that_end_alike_are_no_identifiers():
    assert warnings_of(humid=RNG.permutation(9 * N)[:N], visits=RNG.poisson(30, N), a=A) == ()


def test_a_condition_far_outside_is_told_with_the_range():
    x = RNG.uniform(18, 42, (300, 1))
    settings = {"options": {"width": 4, "depth": 1}, "max_epochs": 1, "random_state": 0}
    model = pf.ConditionalFlowDensity("affine", **settings).fit(x, 10 * x[:, 0] + RNG.normal(size=300))
    with pytest.warns(UserWarning, match=r"condition 'x0': 1 row far outside .* 18\.\S* to 4\S*, up to 300"):
        model.predict([[30.0], [300.0]])
    assert np.isfinite(model.predict([[17.0], [43.0]])).all()  # a warning would be an error
