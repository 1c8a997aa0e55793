"""A fit on eight devices of one process: the losses of one device, whatever the batch size and the data."""

import json
import os
import subprocess
import sys
import textwrap

import jax
import numpy as np
import pytest

from pushforward import flows
from pushforward.train import fit
from pushforward.train._devices import Devices, chosen_devices, outgrown

SCRIPT = textwrap.dedent("""
    import json, sys
    import jax, jax.numpy as jnp, numpy as np
    jax.config.update("jax_enable_x64", True)
    from pushforward import flows
    from pushforward.bijections import Dequantize
    from pushforward.distributions import Transformed
    from pushforward.train import _devices, _loop, _stream, fit
    from pushforward.train._step import run_steps

    folder = sys.argv[1]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3400, 2)) ** 2 + rng.normal(size=(3400, 1))
    flow = flows.maf(2, num_layers=2, width=8, key=jax.random.key(0))
    given = flows.affine(2, cond_dim=1, width=4, depth=1, key=jax.random.key(0))
    line = flows.affine(2, key=jax.random.key(1))
    noisy = Transformed(line, Dequantize((2,)))
    quick = dict(max_epochs=4, learning_rate=0.01, progress=False, key=jax.random.key(3))
    np.save(folder + "/x.npy", x)
    _stream.WINDOW_BYTES = 2**14
    stored = np.load(folder + "/x.npy", mmap_mode="r")
    one = jax.devices()[:1]

    def own_loss(flow, batch, *, key):  # which knows nothing of weights, and draws its own noise
        noisy = batch.x + 0.1 * jax.random.normal(key, batch.x.shape)
        return -jnp.mean(jax.vmap(flow.log_prob)(noisy)) + jnp.max(batch.x) * 1e-3, {"first": batch.x[0, 0]}

    def of_all_rows(flow, batch, *, key):
        return jnp.logaddexp.reduce(-jax.vmap(flow.log_prob)(batch.x)), {}

    def drawn(key, rows):
        return 2.0 + jax.random.normal(key, (rows, 2))

    class Items:
        def __iter__(self):
            return iter([x[:500], x[500:1777]])

    cases = {
        "divides": lambda **k: fit(flow, x, batch_size=64, **quick, **k),
        "does not divide": lambda **k: fit(flow, x, batch_size=61, ema=0.9, **quick, **k),
        "fewer rows than devices": lambda **k: fit(given, x[:40], condition=x[:40, :1], batch_size=5, **quick, **k),
        "weights and conditions": lambda **k: fit(
            given, x, condition=x[:, 1:], weights=np.arange(3400) % 7, batch_size=100, **quick, **k
        ),
        "weights, rows that divide": lambda **k: fit(
            given, x, condition=x[:, 1:], weights=(np.arange(3400) % 7) ** 2, batch_size=64, **quick, **k
        ),
        "noise of a flow, rows that divide": lambda **k: fit(noisy, np.floor(x), batch_size=64, **quick, **k),
        "an objective of one's own": lambda **k: fit(line, x, objective=own_loss, batch_size=64, **quick, **k),
        "an objective of all rows": lambda **k: fit(line, x, objective=of_all_rows, batch_size=64, **quick, **k),
        "in a file": lambda **k: fit(line, stored, batch_size=61, **quick, **k),
        "a function": lambda **k: fit(line, drawn, steps_per_epoch=20, batch_size=61, **quick, **k),
        "an iterator": lambda **k: fit(
            line, Items(), steps_per_epoch=20, batch_size=61, validation=x[:77], **quick, **k
        ),
    }
    _devices.LEAST = 64
    wide = flows.maf(2, num_layers=2, width=16, key=jax.random.key(0))
    share = lambda given: {} if "devices" in given else {"shard_parameters": True}
    cases["sharded"] = lambda **k: fit(wide, x, batch_size=61, ema=0.9, **quick, **share(k), **k)
    told = {}
    for name in sys.argv[2:]:
        run = cases[name]
        told[name] = [
            {
                "devices": max(len(leaf.sharding.device_set) for leaf in jax.tree.leaves(r.flow)),
                "train": [e.train for e in r.history],
                "validation": [e.validation for e in r.history],
                "metrics": [e.metrics for e in r.history],
                "shares": sorted({
                    leaf.size // leaf.addressable_shards[0].data.size for leaf in jax.tree.leaves(r.flow)
                }),
                "weights": np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(r.flow)]).tolist(),
            }
            for r in (run(devices=one), run())
        ]
    file = dict(checkpoint=folder + "/c.safetensors", batch_size=61, **quick)
    whole = fit(flow, x, batch_size=61, **quick)
    fit(flow, x, callbacks=[lambda info: len(info.history) == 2], devices=one, **file)
    resumed = fit(flow, x, resume=True, **file)
    told["resumed sharded"] = [{
        "train": [e.train for e in r.history],
    } for r in (
        fit(wide, x, batch_size=61, **quick),
        [fit(wide, x, callbacks=[lambda info: len(info.history) == n], resume=True, shard_parameters=n == 2, **file | {
            "checkpoint": folder + "/s.safetensors"}) for n in (2, 3, 9)][-1],
    )]
    told["resumed"] = [{"train": [e.train for e in r.history]} for r in (whole, resumed)]
    def summed(flow):
        # Arrays that a step sums up over all devices.
        programs = []

        def compiled(*given):
            programs.append(run_steps.lower(*given).compile().as_text())
            return run_steps(*given)

        _loop.run_steps = compiled
        fit(flow, np.floor(x), batch_size=64, **quick)
        _loop.run_steps = run_steps
        operands = [line.split(" all-reduce(")[1] for line in programs[0].splitlines() if " all-reduce(" in line]
        return sum(line.split(")")[0].count("%") for line in operands)

    solved = flows.ffjord(2, width=4, depth=1, trace="exact", key=jax.random.key(0))
    told["summed"] = [summed(flow), summed(noisy), summed(solved)]
    before = run_steps._cache_size()
    fit(flows.maf(2, num_layers=1, width=24, key=jax.random.key(9)), x, batch_size=57, **quick, **share({}))
    compiled = run_steps._cache_size() - before
    print(json.dumps({"count": len(jax.devices()), "told": told, "compiled": compiled}))
""")
QUICK = ["does not divide", "weights and conditions", "an objective of one's own", "sharded"]
QUICK[:0] = ["weights, rows that divide", "noise of a flow, rows that divide", "an objective of all rows"]
SLOW = ["divides", "fewer rows than devices", "in a file", "a function", "an iterator"]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """The fits of these cases, on one device and on eight, and of one that is resumed on more than it began on."""

    def run(*cases):
        flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(tmp_path_factory.mktemp("fit")), *cases],
            env={**os.environ, "XLA_FLAGS": flags},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout.splitlines()[-1])
        assert found["count"] == 8
        assert found["compiled"] == 1  # four epochs, whose states XLA lays out as it likes
        return found["told"]

    return run


@pytest.fixture(scope="module")
def told(fitted):
    return fitted(*QUICK)


def assert_same(runs):
    one, eight = runs
    for name in ("train", "validation", "weights"):
        if one[name][0] is not None:
            np.testing.assert_allclose(eight[name], one[name], rtol=1e-9, atol=1e-9)
    for a, b in zip(eight["metrics"], one["metrics"], strict=True):
        assert a == pytest.approx(b, abs=1e-9)
    assert len(set(one["train"])) == 4


@pytest.mark.parametrize("case", QUICK)
def test_eight_devices_give_the_losses_of_one(told, case):
    assert_same(told[case])


def test_one_array_is_summed_over_devices_where_rows_know_nothing_of_each_other(told):
    plain, noisy, solved = told["summed"]
    assert plain == 1
    assert noisy > 1
    assert solved > 1


@pytest.mark.slow
def test_eight_devices_give_the_losses_of_one_for_all_kinds_of_data(fitted):
    for name, runs in fitted(*SLOW).items():
        if name in SLOW:
            assert_same(runs)


def test_the_fitted_flow_lies_on_one_device(told):
    assert {run["devices"] for case in QUICK[:-1] for run in told[case]} == {1}


def test_a_fitted_flow_of_shares_lies_on_all_devices(told):
    one, eight = told["sharded"]
    assert (one["devices"], one["shares"]) == (1, [1])
    assert (eight["devices"], eight["shares"]) == (8, [1, 8])


@pytest.mark.parametrize("name", ["resumed", "resumed sharded"])
def test_a_fit_goes_on_with_other_devices_or_shares(told, name):
    whole, resumed = told[name]
    np.testing.assert_allclose(resumed["train"], whole["train"], rtol=1e-9)


@pytest.mark.parametrize(
    ("parameters", "memory", "wanted"), [(10**12, None, False), (99, 1000, False), (101, 1000, True)]
)
def test_parameters_are_shared_where_they_would_not_fit(parameters, memory, wanted):
    assert outgrown(parameters, memory) is wanted


def test_one_device_cannot_share(key):
    with pytest.raises(ValueError, match="two devices or more"):
        fit(flows.affine(2, key=key), np.zeros((9, 2)), shard_parameters=True, key=key, progress=False)


def test_one_device_compiles_what_it_did(monkeypatch, key):
    """With one device nothing of all this is in the program."""

    def never(*given: object) -> None:
        raise AssertionError

    for name in ("spread", "hold", "hold_state", "everywhere", "place_state"):
        monkeypatch.setattr(Devices, name, never)
    assert chosen_devices(None, 64) is None
    x = np.random.default_rng(0).normal(size=(100, 2))
    fit(flows.affine(2, key=key), x, max_epochs=1, key=key, progress=False)


@pytest.mark.parametrize("devices", [[], [0], jax.devices()[:1] * 2, ["cpu"]])
def test_what_are_no_devices_is_refused(key, devices):
    with pytest.raises(ValueError, match="different devices"):
        fit(flows.affine(2, key=key), np.zeros((9, 2)), devices=devices, key=key, progress=False)
