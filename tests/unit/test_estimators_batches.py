"""`score_batch`: the scores of Arrow batches, in any thread or process."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import pushforward as pf
from pushforward._errors import DataError

QUICK = {"flow": "affine", "max_epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": [f"row {i}" for i in range(300)],
            "size": rng.lognormal(size=300),
            "colour": rng.choice(["red", "green", "blue"], 300),
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 300), unit="D"),
        }
    )


@pytest.fixture(scope="module")
def mixed(frame):
    own = QUICK | {"flow": "realnvp", "options": {"num_layers": 1, "width": 8}, "columns": {"size": "positive"}}
    return pf.FlowDensity(**own).fit(frame.drop(columns="id"))


@pytest.fixture(scope="module")
def plain():
    return pf.FlowDensity(**QUICK).fit(pf.data.moons(300))


def test_a_batch_scores_like_its_rows(mixed, frame):
    expected = mixed.score_samples(frame.drop(columns="id"))
    for batch in (
        pa.Table.from_pandas(frame),
        pa.Table.from_pandas(frame[["when", "id", "colour", "size"]]),
        pa.RecordBatch.from_pandas(frame),
        pa.concat_tables([pa.Table.from_pandas(frame[:7]), pa.Table.from_pandas(frame[7:])]),
        frame,
    ):
        found = mixed.score_batch(batch)
        assert found.type == pa.float64()
        np.testing.assert_array_equal(found.to_numpy(), expected)


def test_columns_of_arrays_are_x0_and_on(plain):
    x = pf.data.moons(50, seed=3)
    batch = pa.table({"x1": x[:, 1], "x0": x[:, 0]})
    np.testing.assert_array_equal(plain.score_batch(batch).to_numpy(), plain.score_samples(x))


def test_names_that_are_not_looked_at_may_be_used_twice(plain):
    """As after a join."""
    x = pf.data.moons(5, seed=3)
    columns = [pa.array(values) for values in (x[:, 0], x[:, 1], np.zeros(5), np.ones(5))]
    batch = pa.Table.from_arrays(columns, ["x0", "x1", "z", "z"])
    np.testing.assert_array_equal(plain.score_batch(batch).to_numpy(), plain.score_samples(x))
    with pytest.raises(DataError, match="'x0' used more than once"):
        plain.score_batch(pa.Table.from_arrays(columns, ["x0", "x1", "x0", "z"]))


def test_no_rows_have_no_scores(mixed, frame):
    empty = mixed.score_batch(pa.Table.from_pandas(frame[:0]))
    assert (len(empty), empty.type) == (0, pa.float64())
    nothing = frame[:2].assign(size=[np.nan, None])
    assert mixed.score_batch(pa.Table.from_pandas(nothing)).to_pylist() == [None, None]


def test_a_missing_cell_is_null_and_the_other_rows_keep_their_scores(mixed, frame):
    part = frame[:5].copy()
    whole = mixed.score_batch(pa.Table.from_pandas(part)).to_pylist()
    part.loc[1, "size"], part.loc[3, "colour"] = np.nan, None
    found = mixed.score_batch(pa.Table.from_pandas(part)).to_pylist()
    assert found == [whole[0], None, whole[2], None, whole[4]]


def test_what_the_model_cannot_produce_is_minus_infinity(mixed, frame):
    part = frame[:3].assign(size=[-1.0, 1.0, 1.0], colour=["red", "violet", "red"])
    found = mixed.score_batch(pa.Table.from_pandas(part)).to_pylist()
    assert found[:2] == [-np.inf, -np.inf]
    assert np.isfinite(found[2])


def test_y_given_x_takes_the_columns_of_both(frame):
    X, y = frame[["size"]], frame[["when"]].assign(when=np.arange(300.0)[::-1] ** 2)
    model = pf.ConditionalFlowDensity(**QUICK).fit(X, y)
    batch = pa.table({"when": y["when"], "other": y["when"], "size": X["size"]})
    np.testing.assert_array_equal(model.score_batch(batch).to_numpy(), model.score_samples(X, y))
    with pytest.raises(DataError, match="'size'"):
        model.score_batch(pa.table({"when": y["when"]}))


def test_classes_and_outliers_have_their_own_scores():
    X = np.random.default_rng(0).normal(size=(200, 2))
    batch = pa.table({"x0": X[:, 0], "x1": X[:, 1]})
    for model in (
        pf.FlowClassifier(**QUICK).fit(X, np.arange(200) % 2),
        pf.FlowOutlier(**QUICK).fit(X),
    ):
        np.testing.assert_array_equal(model.score_batch(batch).to_numpy(), model.score_samples(X))


def test_a_pickled_copy_scores_the_same(mixed, frame):
    batch = pa.Table.from_pandas(frame)
    again = pickle.loads(pickle.dumps(mixed))
    assert again.score_batch(batch).equals(mixed.score_batch(batch))


def test_threads_do_not_disturb_each_other(mixed, frame):
    batches = [pa.Table.from_pandas(frame[start : start + 9]) for start in range(0, 270, 9)]
    alone = [mixed.score_batch(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(mixed.score_batch, batches * 3))
    assert all(found.equals(one) for found, one in zip(together, alone * 3, strict=True))


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        (np.zeros((2, 2)), "got ndarray"),
        ({"x0": [1.0], "x1": [1.0]}, "got dict"),
        (pa.table({"x0": [1.0]}), "'x1'"),
        (pa.table({"x0": [1.0], "x1": ["word"]}), "text"),
        (pa.table([[1.0], [1.0], [2.0]], ["x0", "x1", "x1"]), "x1"),
    ],
)
def test_what_is_no_batch_of_the_model_is_refused(plain, batch, said):
    with pytest.raises(DataError, match=said):
        plain.score_batch(batch)


@pytest.mark.slow
def test_dask_scores_in_its_own_processes(mixed, frame):
    distributed = pytest.importorskip("distributed")
    dd = pytest.importorskip("dask.dataframe")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster),
    ):
        parts = dd.from_pandas(frame, npartitions=5)
        found = parts.map_partitions(
            lambda rows: pd.Series(mixed.score_batch(rows).to_numpy(), rows.index), meta=("s", "f8")
        )
        # Partitions are scored in chunks of other lengths than the whole, and rounded as these are.
        np.testing.assert_allclose(found.compute(), mixed.score_samples(frame.drop(columns="id")), rtol=1e-5)
