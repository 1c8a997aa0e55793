"""Our own adapter: the one that breaks when the training loop changes."""

import dataclasses

import numpy as np
import pytest
from benchmarks import adapters, data
from benchmarks.cases import CASES


@pytest.mark.parametrize("name", ["maf-6", "nsf-coupling-6"])
def test_our_model_trains_scores_and_samples(name: str) -> None:
    case = dataclasses.replace(CASES[name], layers=2, hidden=(16, 16), bins=4)
    model = adapters.build("pushforward", case, seed=0, device="cpu")
    x = data.made_up(case.dim, 256, seed=0)
    model.set_batches(x, 64)
    first = model.train(4)
    for _ in range(10):
        last = model.train(4)
    assert last < first
    assert model.parameters() > 0
    assert model.density(model.put(x)).shape == (256,)
    assert model.sample(5).shape == (5, case.dim)


def test_our_fit_tells_the_held_out_nats_after_every_epoch_and_stops_when_told() -> None:
    case = dataclasses.replace(CASES["maf-6"], layers=2, hidden=(16, 16))
    model = adapters.build("pushforward", case, seed=0, device="cpu")
    x = data.made_up(case.dim, 320, seed=0)
    losses: list[float] = []

    def after_epoch(loss: float) -> bool:
        losses.append(loss)
        return len(losses) == 2

    model.fit(x[:256], x[256:], batch=64, max_epochs=9, after_epoch=after_epoch)
    assert len(losses) == 2
    assert np.isfinite(losses).all()


def test_made_up_rows_are_standardised_and_mostly_inside_the_splines() -> None:
    x = data.made_up(6, 5000, seed=0)
    np.testing.assert_allclose(x.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(0), 1, rtol=1e-5)
    assert (np.abs(x) < 5).mean() > 0.999


def test_real_tables_are_split_and_standardised(data_folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUSHFORWARD_DATA", str(data_folder))
    for name, dim in (("power", 6), ("miniboone", 43), ("magic", 10)):
        train, held_out = data.split(name)
        assert train.shape[1] == held_out.shape[1] == dim
        assert abs(len(train) / len(held_out) - 9) < 0.1
        np.testing.assert_allclose(train.std(0), 1, rtol=1e-3)
