"""Fits of several processes on this machine: the losses of one, one checkpoint, and an end that says why."""

import functools
import textwrap

import numpy as np
import pytest

import processes
from processes import told

pytestmark = pytest.mark.slow

SCRIPT = textwrap.dedent("""
    import json, os, sys, time
    rank, count, port, what, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
    import jax
    jax.config.update("jax_enable_x64", True)
    if count > 1:
        jax.distributed.initialize(f"127.0.0.1:{port}", count, rank)
    import numpy as np
    from pushforward import flows
    from pushforward.train import _checkpoint, _devices, fit

    _devices.LEAST = 2
    _checkpoint.CHECKPOINT_SECONDS = 0.0

    rng = np.random.default_rng(0)
    x = rng.normal(size=(3400, 2)) ** 2 + rng.normal(size=(3400, 1))
    if what == "other data" and rank == 1:
        x[77, 1] += 1e-9
    seen, gathered, gather = [], [], _devices._gathered
    _devices._gathered = lambda array: gathered.append(array.shape) or gather(array)

    def watch(info):
        seen.append(info.history[-1])
        if what == "killed" and rank == 1 and len(seen) == 2:
            os.kill(os.getpid(), 9)
        if what == "failed" and rank == 1 and len(seen) == 2:
            raise ValueError("rows.parquet is gone")
        return what == "stopped" and rank == 1 and len(seen) == 2

    file = dict(checkpoint=folder + "/c.safetensors", resume=what == "resumed") if what != "whole" else {}
    if what == "sharded" and count > 1:
        file |= {"shard_parameters": True, "resume": True}
    result = fit(
        flows.maf(2, num_layers=2, width=8, key=jax.random.key(0)), x, batch_size=61, max_epochs=4, learning_rate=0.01,
        callbacks=[watch], progress=what == "whole", key=jax.random.key(3), **file,
    )
    print(json.dumps({
        "steps": 4 * (3060 // 61),
        "gathered": len(gathered),
        "train": [e.train for e in result.history],
        "validation": [e.validation for e in result.history],
        "weights": np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(result.flow)]).tolist(),
    }))
""")


run = functools.partial(processes.run, script=SCRIPT)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return told(run(1, "whole", tmp_path_factory.mktemp("one")))[0]


def assert_same(found, expected):
    for name in ("train", "validation", "weights"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-9)


def test_two_processes_give_the_losses_of_one(alone, tmp_path):
    assert alone["steps"] == 200
    ended = run(2, "whole", tmp_path)
    for found in told(ended):
        assert_same(found, alone)
    assert "epoch" in ended[0][2]
    assert "epoch" not in ended[1][2]


def test_a_stop_in_one_process_stops_all_and_one_process_goes_on(alone, tmp_path):
    assert [len(found["train"]) for found in told(run(2, "stopped", tmp_path))] == [2, 2]
    assert [file.name for file in tmp_path.iterdir()] == ["c.safetensors"]
    assert_same(told(run(1, "resumed", tmp_path))[0], alone)


def test_processes_that_share_the_parameters_write_one_checkpoint_from_which_one_goes_on(alone, tmp_path):
    for found in told(run(2, "sharded", tmp_path)):
        assert_same(found, alone)
        assert found["gathered"] > 0  # so that something lay in parts
    for found in told(run(1, "resumed", tmp_path)):
        assert_same(found, alone)


def test_a_killed_process_is_named_and_three_go_on(alone, tmp_path):
    first, second = run(2, "killed", tmp_path)
    assert second[0] == -9
    assert first[0] == 1
    assert "TrainingError: Training ended because process 1 ended without a word" in first[2]
    assert "resume=True" in first[2]
    for found in told(run(3, "resumed", tmp_path)):
        assert_same(found, alone)


def test_a_process_that_fails_tells_the_others_why(tmp_path):
    first, second = run(2, "failed", tmp_path)
    assert "ValueError: rows.parquet is gone" in second[2]
    assert "Training ended because process 1 failed (ValueError: rows.parquet is gone)" in first[2]
    assert (first[0], second[0]) == (1, 1)


def test_processes_with_different_data_are_told_before_the_first_step(tmp_path):
    for code, _, said in run(2, "other data", tmp_path):
        assert code == 1
        assert "DataError: fit: process 1 of 2 is not asked for the same as process 0: " in said
        assert "rows" in said
    assert not list(tmp_path.iterdir())
