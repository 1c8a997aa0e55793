import pickle

import numpy as np
import pytest
from sklearn.base import clone

import pushforward as pf
from pushforward import io
from pushforward._errors import FileError
from pushforward.estimators import load_estimator

TINY = {"flow": "affine", "max_epochs": 2, "validation": None, "random_state": 0}


@pytest.fixture(scope="module")
def counts() -> pf.data.Table:
    rng = np.random.default_rng(0)
    return pf.data.Table(("size", "n"), np.stack([rng.lognormal(1, 1, 300), rng.poisson(2, 300)], axis=1))


@pytest.fixture(scope="module")
def fitted(counts) -> pf.FlowDensity:
    return pf.FlowDensity(**TINY, columns={"*": "infer"}, options={"width": 8}).fit(counts)


@pytest.fixture
def path(fitted, tmp_path):
    fitted.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def test_a_reload_scores_and_samples_the_same_bits(fitted, counts, path):
    loaded = load_estimator(path)
    assert isinstance(loaded, pf.FlowDensity)
    np.testing.assert_array_equal(loaded.score_samples(counts), fitted.score_samples(counts))
    np.testing.assert_array_equal(loaded.sample(5, random_state=0), fitted.sample(5, random_state=0))


def test_a_reload_knows_its_columns_settings_and_training(fitted, path):
    loaded = pf.FlowDensity.load(path)
    assert loaded.get_params() == fitted.get_params()
    assert loaded.schema_ == fitted.schema_
    assert loaded.feature_names_in_.tolist() == ["size", "n"]
    assert loaded.n_features_in_ == 2
    assert loaded.history_ == fitted.history_
    assert loaded.result_.summary() == fitted.result_.summary()


def test_the_file_holds_plain_data_for_other_programs(path):
    flow, metadata = io.read(path)
    assert flow.event_shape == (2,)
    assert metadata["recipe"] == "affine"
    assert metadata["modality"] == "table"
    assert metadata["settings"]["options"] == {"width": 8}
    assert [column["kind"] for column in metadata["facts"]["schema"]["columns"]] == ["positive", "integer"]
    assert metadata["facts"]["condition_schema"] is None
    assert len(metadata["training"]["history"]) == 2


def test_what_a_file_cannot_hold_is_left_out(counts, tmp_path):
    density = pf.FlowDensity(pf.flows.affine, max_epochs=1, callbacks=[print], random_state=np.random.RandomState(0))
    density.fit(counts.values[:, :1]).save(tmp_path / "model.safetensors")
    loaded = pf.FlowDensity.load(tmp_path / "model.safetensors")
    assert loaded.get_params()["flow"] == "affine"
    assert loaded.get_params()["random_state"] is None
    assert loaded.get_params()["callbacks"] == ()
    assert not hasattr(loaded, "feature_names_in_")


def test_pickle_keeps_the_bits_and_clone_the_settings(fitted, counts):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.score_samples(counts), fitted.score_samples(counts))
    assert clone(fitted).get_params() == fitted.get_params()
    assert not hasattr(clone(fitted), "flow_")


def test_other_files_are_refused(fitted, path, tmp_path):
    with pytest.raises(FileError, match="not conditional"):
        pf.ConditionalFlowDensity.load(path)
    pf.save(tmp_path / "flow.safetensors", fitted.flow_)
    with pytest.raises(FileError, match="not the columns of a table"):
        pf.FlowDensity.load(tmp_path / "flow.safetensors")
    with pytest.raises(FileError, match="no such file"):
        load_estimator(tmp_path / "none.safetensors")
