"""Rows in files, which several processes share: the losses of one process, and an end that loses nothing."""

import functools
import textwrap

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import processes
from processes import told

pytestmark = pytest.mark.slow

SCRIPT = textwrap.dedent("""
    import json, os, sys
    rank, count, port, what, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
    import jax
    jax.config.update("jax_enable_x64", True)
    if count > 1:
        jax.distributed.initialize(f"127.0.0.1:{port}", count, rank)
    import numpy as np
    from pushforward import data, flows
    from pushforward.train import fit

    own = folder + ("/other" if what == "other data" and rank == 1 else "/rows")
    rows = data.ParquetRows(own, columns=["a", "b"], window=900)
    seen, read = [], set()
    groups = rows.read
    rows.read = lambda group: read.add(group) or groups(group)

    def watch(info):
        seen.append(info.history[-1])
        if what == "killed" and rank == 1 and len(seen) == 2:
            os.kill(os.getpid(), 9)
        if what == "lost" and rank == 1 and len(seen) == 1:
            for i in range(16):
                os.unlink(f"{folder}/rows/{i:02}.parquet")

    file = dict(checkpoint=folder + "/c.safetensors", resume=what == "resumed") if what != "whole" else {}
    result = fit(
        flows.maf(2, num_layers=2, width=8, key=jax.random.key(0)), rows, batch_size=61, max_epochs=4,
        learning_rate=0.01, callbacks=[watch], progress=False, key=jax.random.key(3), **file,
    )
    print(json.dumps({
        "train": [e.train for e in result.history],
        "validation": [e.validation for e in result.history],
        "weights": np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(result.flow)]).tolist(),
    }))
""")
run = functools.partial(processes.run, script=SCRIPT)


def write_rows(folder):
    for name, more in (("rows", 0.0), ("other", 1e-9)):
        (folder / name).mkdir()
        rng = np.random.default_rng(0)
        for i in range(16):
            x = rng.normal(size=(int(rng.integers(100, 300)), 2)) ** 2 + (more if i == 7 else 0.0)
            table = pa.table({"a": x[:, 0], "b": x[:, 1]})
            parquet.write_table(table, folder / name / f"{i:02}.parquet", row_group_size=60)
    return folder


@pytest.fixture
def folder(tmp_path):
    return write_rows(tmp_path)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return told(run(1, "whole", write_rows(tmp_path_factory.mktemp("one"))))[0]


def assert_same(found, expected):
    for name in ("train", "validation", "weights"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("count", [2, 3])
def test_several_processes_give_the_losses_of_one(alone, folder, count):
    for found in told(run(count, "whole", folder)):
        assert_same(found, alone)


@pytest.mark.parametrize("then", [1, 2])
def test_nothing_is_lost_with_a_process_that_is_killed(alone, folder, then):
    first, second = run(2, "killed", folder)
    assert (first[0], second[0]) == (1, -9)
    assert "process 1 ended without a word" in first[2]
    for found in told(run(then, "resumed", folder)):
        assert_same(found, alone)


def test_processes_with_other_files_are_told_before_the_first_step(folder):
    for code, _, said in run(2, "other data", folder):
        assert code == 1
        assert "process 1 of 2 is not asked for the same as process 0: files" in said


def test_a_file_that_is_gone_ends_both_with_its_name(folder):
    for code, _, said in run(2, "lost", folder):
        assert code == 1
        assert ".parquet: no such file" in said
