"""Tables of whole numbers and of categories, fitted as they are."""

import warnings

import jax
import numpy as np
import pytest

import pushforward as pf
from pushforward._errors import DataError

RNG = np.random.default_rng(0)
FIRST = RNG.integers(0, 4, 400)
WHOLE = np.stack([FIRST, 2 * FIRST + RNG.integers(0, 2, 400)], axis=1)
CODES = np.stack([FIRST, (FIRST + 1) % 4], axis=1)
SMALL = {"options": {"width": 8, "depth": 1, "num_layers": 1}, "max_epochs": 2, "progress": False, "random_state": 0}


def fitted(flow: str, kind: str, x: np.ndarray) -> pf.FlowDensity:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pf.FlowDensity(flow, columns=kind, **SMALL).fit(x)


@pytest.mark.parametrize(("flow", "kind", "x"), [("idf", "integer", WHOLE), ("modulo", "categorical", CODES)])
def test_scores_are_probabilities_and_samples_are_such_numbers(flow, kind, x):
    model = fitted(flow, kind, x)
    grid = np.arange(-40, 41) if flow == "idf" else np.arange(4)
    every = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    assert np.exp(model.score_samples(every)).sum() == pytest.approx(1.0, abs=1e-3)
    draws = np.asarray(model.sample(200)).astype(float)
    assert set(draws.ravel()) <= set(grid.astype(float))


def test_whole_numbers_are_wanted():
    with pytest.raises(DataError, match="'idf' is for integer columns, and 'x0' is unbounded"):
        pf.FlowDensity("idf", **SMALL).fit(WHOLE)


def test_categories_are_wanted():
    with pytest.raises(DataError, match="'modulo' is for categorical columns, and 'x0' is integer"):
        pf.FlowDensity("modulo", columns="integer", **SMALL).fit(CODES)


def test_too_few_categories_are_named():
    options = {**SMALL["options"], "num_categories": 3}
    with pytest.raises(DataError, match="`num_categories` is 3, and a column has 4"):
        pf.FlowDensity("modulo", columns="categorical", **{**SMALL, "options": options}).fit(CODES)


def test_an_argmax_score_is_the_mean_of_draws_and_no_matter_of_other_rows():
    model = fitted("argmax", "categorical", CODES)
    keys = jax.random.split(jax.random.key(0), 16)
    draws = [float(model.flow_.log_prob(CODES[3].astype(float), key=key)) for key in keys]
    scores = model.score_samples(CODES[:10])
    assert np.std(draws) > 0.1
    assert scores[3] == pytest.approx(np.log(np.mean(np.exp(draws))), rel=1e-4)
    np.testing.assert_array_equal(model.score_samples(CODES[3:4]), scores[3:4])
