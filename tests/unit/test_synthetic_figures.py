"""Figures of synthetic tables, beside closed forms, SciPy, scikit-learn and tables counted by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, norm
from sklearn.metrics import roc_auc_score

from pushforward import DataError
from pushforward.diagnostics import synthetic
from pushforward.diagnostics.synthetic._estimate import area_under_roc


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_an_area_is_that_of_scikit_learn_with_ties(rng):
    high, low = rng.integers(0, 5, 60).astype(float), rng.integers(-2, 4, 40).astype(float)
    labels = np.repeat([1, 0], [60, 40])
    assert area_under_roc(high, low).value == pytest.approx(roc_auc_score(labels, np.concatenate([high, low])))


def test_the_error_of_an_area_is_that_of_equal_laws(rng):
    """The variance of Mann and Whitney's statistic, (m + n + 1) / (12 m n)."""
    found = area_under_roc(rng.normal(size=4000), rng.normal(size=1000))
    assert found.error == pytest.approx(np.sqrt(5001 / (12 * 4000 * 1000)), rel=0.03)


def test_shapes_are_the_statistic_of_kolmogorov_and_total_variation(rng):
    real = pd.DataFrame({"x": rng.normal(size=80), "c": ["a"] * 50 + ["b"] * 30})
    drawn = pd.DataFrame({"x": rng.normal(0.5, 1, size=40), "c": ["b"] * 10 + ["c"] * 30})
    found = synthetic.column_shapes(real, drawn).columns
    assert found["x"].value == pytest.approx(1 - ks_2samp(real["x"], drawn["x"]).statistic)
    # Shares 5/8, 3/8, 0 beside 0, 1/4, 3/4.
    assert found["c"].value == pytest.approx(1 - (5 / 8 + 1 / 8 + 3 / 4) / 2)


def test_trends_are_correlations_and_joint_shares():
    a, b = np.repeat([0.0, 1.0], 10), np.tile([0.0, 1.0], 10)
    real = pd.DataFrame({"u": a, "v": a, "c": np.where(a, "x", "y"), "d": np.where(a, "x", "y")})
    drawn = pd.DataFrame({"u": a, "v": b, "c": np.where(a, "x", "y"), "d": np.where(b, "x", "y")})
    found = synthetic.pair_trends(real, drawn).pairs
    assert found[("u", "v")].value == pytest.approx(0.5)  # a correlation of 1 beside one of 0
    assert found[("u", "c")].value == pytest.approx(1.0)
    assert found[("c", "d")].value == pytest.approx(0.5)  # shares 1/2, 1/2, 0, 0 beside four quarters


def test_a_detection_score_is_no_better_than_the_best_classifier(rng):
    """Two normal laws a standard deviation apart: the area is at most Phi(1 / sqrt 2)."""
    best = 2 - 2 * norm.cdf(1 / np.sqrt(2))
    found = synthetic.detection_score(rng.normal(size=(1500, 1)), rng.normal(1, 1, size=(1500, 1)))
    assert best - 3 * found.error < found.value < best + 0.08


def test_equal_laws_are_not_detected_and_a_copy_has_the_best_score(rng):
    real, other = rng.normal(size=(1000, 2)), rng.normal(size=(1000, 2))
    equal = synthetic.detection_score(real, other)
    assert equal.value > 1 - 3 * equal.error
    assert synthetic.detection_score(real, real).value == 1.0


@pytest.mark.parametrize("level", [0.02, 0.1])
@pytest.mark.parametrize("tied", [False, True])
def test_held_out_rows_have_just_the_share_of_near_copies(rng, level, tied):
    draw = (lambda n: rng.integers(0, 4, size=(n, 3)).astype(float)) if tied else (lambda n: rng.normal(size=(n, 3)))
    train, held_out = draw(300), draw(200)
    found = synthetic.near_copies(train, held_out, held_out, level=level)
    assert found.share.value == pytest.approx(level)
    assert found.equal.value == found.held_out_equal.value


def test_the_error_of_near_copies_is_what_draws_show(rng):
    """New rows of the law itself: the share is 2 % within its errors, which are as large as the spread."""
    found = [synthetic.near_copies(*rng.normal(size=(3, 400, 2)), level=0.1).share for _ in range(100)]
    values, errors = np.array(found).T
    assert values.mean() == pytest.approx(0.1, abs=4 * values.std() / 10)
    assert errors.mean() == pytest.approx(values.std(), rel=0.25)


def test_copies_are_near_and_equal(rng):
    train, held_out = rng.normal(size=(2, 100, 3))
    half = np.concatenate([train[:50], rng.normal(size=(50, 3)) + 50])
    found = synthetic.near_copies(train, held_out, half)
    assert found.share.value == found.equal.value == 0.5
    assert found.held_out_equal.value == 0.0


def test_categories_are_one_deviation_apart():
    """The nearest training row of (b, 0) is (a, 0) at 1, not (b, 1.5) at 1.5 deviations."""
    known = pd.DataFrame({"c": ["a", "b"] * 5, "x": [0.0, 1.5] * 5})
    spread = known["x"].std(ddof=0)
    known["x"] *= 1 / spread
    others = pd.DataFrame({"c": ["b"] * 10, "x": [0.0] * 10})
    nearer = others.assign(x=known["x"].max() - 0.99)
    assert synthetic.near_copies(known, others, nearer).share.value == 1.0
    assert synthetic.near_copies(known, others, others.assign(x=-0.2)).share.value == 0.0


def test_the_area_of_a_shift_of_scores_is_known(rng):
    found = synthetic.membership_inference(rng.normal(0.3, 1, 5000), rng.normal(size=5000))
    assert found.area.value == pytest.approx(norm.cdf(0.3 / np.sqrt(2)), abs=3 * found.area.error)
    assert found.caught.value == pytest.approx(norm.sf(norm.isf(0.01) - 0.3), abs=3 * found.caught.error)


def test_rows_that_have_no_density_are_no_error():
    scores = np.append(np.zeros(20), -np.inf)
    assert synthetic.membership_inference(scores, scores).area.value == 0.5


def test_a_secret_is_counted_by_hand():
    """Of ten training rows seven secrets are right, of ten others five: the risk is (0.7 - 0.5) / 0.5."""
    known = pd.DataFrame({"x": np.arange(10.0), "s": list("aaaaaaabbb")})
    others = pd.DataFrame({"x": np.arange(10.0), "s": list("aaaaabbbbb")})
    drawn = pd.DataFrame({"x": np.arange(10.0), "s": list("a" * 10)})
    found = synthetic.attribute_disclosure(known, others, drawn, "s")
    assert (found.train.value, found.held_out.value) == (0.7, 0.5)
    assert found.risk.value == pytest.approx(0.4)


def test_use_is_the_share_of_the_variance_that_can_be_explained(rng):
    """Of y = 2 x + noise of variance 1, four fifths at best."""

    def draw(n: int) -> np.ndarray:
        x = rng.normal(size=n)
        return np.column_stack([x, 2 * x + rng.normal(size=n)])

    train, held_out = draw(1500), draw(1500)
    wrong = np.column_stack([train[:, 0], rng.permutation(train[:, 1])])
    found = synthetic.train_synthetic_test_real(wrong, held_out, "x1", train=train)
    assert found.measure == "R2"
    assert found.real.value == pytest.approx(0.8, abs=0.06)
    assert found.synthetic.value == pytest.approx(0.0, abs=0.12)
    assert found.loss.value == found.real.value - found.synthetic.value


def test_a_target_that_synthetic_rows_do_not_vary_is_guessed(rng):
    x = rng.normal(size=200)
    real = pd.DataFrame({"x": x, "c": np.where(x > 0, "yes", "no")})
    found = synthetic.train_synthetic_test_real(real.assign(c="yes"), real, "c", train=real)
    assert (found.measure, found.synthetic.value) == ("AUC", 0.5)
    assert found.real.value > 0.99


def test_more_than_two_categories_are_counted(rng):
    x = rng.uniform(size=300)
    real = pd.DataFrame({"x": x, "c": np.array(["low", "mid", "high"])[np.digitize(x, [1 / 3, 2 / 3])]})
    found = synthetic.train_synthetic_test_real(real[:150], real[150:], "c", train=real[:150])
    assert found.measure == "accuracy"
    assert found.synthetic == found.real
    assert found.real.value > 0.95


def test_categories_are_matched_by_their_values(rng):
    """Codes that a reader gives differ between tables."""
    one = pd.DataFrame({"c": ["a"] * 10 + ["b"] * 10, "x": rng.normal(size=20)})
    other = one[::-1].reset_index(drop=True)
    assert synthetic.column_shapes(one, other).mean.value == 1.0
    assert synthetic.near_copies(one, one, other).equal.value == 1.0


def test_an_assessment_tells_a_copy_and_independent_columns_from_good_rows(rng):
    x = rng.normal(size=(900, 1))
    rows = np.hstack([x, x + 0.2 * rng.normal(size=(900, 1))])
    train, held_out, good = rows[:300], rows[300:600], rows[600:]
    found = synthetic.assess(train, held_out, good, targets=["x1"])
    assert found.private
    assert found.useful
    assert not synthetic.assess(train, held_out, train, targets=["x1"]).private
    shuffled = np.column_stack([rng.permutation(train[:, 0]), train[:, 1]])
    assert not synthetic.assess(train, held_out, shuffled, targets=["x1"]).useful
    assert "held out" in str(found)
    assert {figure["name"] for figure in found.to_json()["figures"]} >= {"near-copies", "detection score"}


def test_one_column_has_no_pairs(rng):
    rows = rng.normal(size=(90, 1))
    found = synthetic.assess(rows[:30], rows[30:60], rows[60:])
    assert {f.name for f in found.figures} == {
        *("detection score", "detection, held-out rows", "column shapes"),
        *("near-copies", "equal rows", "membership, by the table"),
    }
    assert "one column" in found.notes[0]


BAD = {
    "other columns": (lambda t: synthetic.detection_score(t, t.rename(columns={"x": "z"})), "has no column 'x'"),
    "more columns": (lambda t: synthetic.detection_score(t, t.assign(z=1.0)), "only `synthetic` has column 'z'"),
    "few rows": (lambda t: synthetic.near_copies(t, t[:9], t), "`held_out` has 9 rows"),
    "no such secret": (lambda t: synthetic.attribute_disclosure(t, t, t, "z"), "no column 'z'"),
    "no such target": (lambda t: synthetic.train_synthetic_test_real(t, t, "z"), "no column 'z'"),
    "nothing to predict from": (lambda t: synthetic.train_synthetic_test_real(t[["x"]], t[["x"]], "x"), "one column"),
    "no pair": (lambda t: synthetic.pair_trends(t[["x"]], t[["x"]]), "one column"),
    "few scores": (lambda t: synthetic.membership_inference(np.zeros(20), np.zeros(9)), "`held_out_scores` has 9"),
    "scores that are NaN": (lambda t: synthetic.membership_inference(np.full(20, np.nan), np.zeros(20)), "NaN"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_compared_is_named(case, rng):
    call, says = BAD[case]
    with pytest.raises(DataError, match=says):
        call(pd.DataFrame({"x": rng.normal(size=20), "y": rng.normal(size=20)}))


def test_a_model_that_tells_its_rows_is_no_fault_of_the_table(rng):
    rows = rng.normal(size=(900, 2))
    known, others = rng.normal(2, 1, 300), rng.normal(size=300)
    found = synthetic.assess(rows[:300], rows[300:600], rows[600:], targets=["x1"], log_prob=(known, others))
    assert found.private
    assert "Do not share the model" in found.verdict()


def test_columns_that_are_independent_are_no_fault_of_the_table(rng):
    rows = rng.normal(size=(900, 2))
    assert synthetic.assess(rows[:300], rows[300:600], rows[600:], targets=["x1"]).useful


def test_the_error_of_a_disclosure_is_that_of_equal_shares_where_none_is_right():
    """Of 40 others no secret is right, of 160 people 16: the standard error of a difference of equal shares of 0.08."""
    known = pd.DataFrame({"x": np.arange(160.0), "s": list("a" * 16 + "b" * 144)})
    others = pd.DataFrame({"x": np.arange(40.0), "s": list("b" * 40)})
    drawn = pd.DataFrame({"x": np.arange(160.0), "s": list("a" * 160)})
    found = synthetic.attribute_disclosure(known, others, drawn, "s").risk
    assert found.value == pytest.approx(0.1)
    assert found.error == pytest.approx(np.sqrt(0.08 * 0.92 * (1 / 160 + 1 / 40)))
