"""Training that runs out of memory says so, with the batch size and what to do."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward._errors import TrainingError, memory_wanted

SCRIPT = """
import resource
import jax, jax.numpy as jnp, numpy as np
import pushforward as pf

def greedy(flow, batch, *, key):
    wide = jnp.sort(jnp.sin(jnp.outer(batch.x.ravel(), jnp.arange(1.0, 40.0))), axis=0)  # 1.5 GB
    loss, metrics = pf.objectives.nll(flow, batch, key=key)
    return loss + jnp.mean(wide), metrics

flow = pf.flows.affine(200, key=jax.random.key(0))
x = np.arange(10_000_000, dtype=np.float32).reshape(50_000, 200)
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**29,) * 2)
try:
    pf.fit(flow, x, batch_size=40_000, objective=greedy, max_epochs=1, progress=False, key=jax.random.key(0))
except pf.TrainingError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits the memory of a process")
def test_a_process_without_memory_says_how_much_was_wanted():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=240, check=True)
    assert "out of memory with 40000 rows in a step: " in done.stdout
    assert " GiB more were wanted." in done.stdout
    assert "hint: Take fewer rows: `batch_size=` (`--batch-size`)." in done.stdout
    assert "--set memory=recompute" in done.stdout


def test_a_fit_that_runs_out_of_memory_names_its_batch_size(key, tmp_path):
    def hungry(flow, batch, *, key):
        raise MemoryError

    flow = pf.flows.affine(2, key=key)
    with pytest.raises(TrainingError, match="out of memory with 32 rows in a step") as told:
        pf.fit(flow, np.eye(40, 2), objective=hungry, checkpoint=tmp_path / "c.safetensors", progress=False, key=key)
    assert "--batch-size" in told.value.hint
    assert not list(tmp_path.iterdir())


def test_how_much_was_wanted_is_read_from_what_jax_says():
    said = "RESOURCE_EXHAUSTED: Out of memory allocating 1759218604 bytes."
    assert memory_wanted(jax.errors.JaxRuntimeError(said)) == "1.64 GiB"
    assert memory_wanted(RuntimeError("RESOURCE_EXHAUSTED: Failed to allocate 2.50GiB of memory")) == "2.50 GiB"
    assert memory_wanted(MemoryError()) == ""
    assert memory_wanted(ValueError("the shape is wrong")) is None


def test_a_call_of_a_solver_draws_one_block_of_images():
    """Its working memory grows with the images, which it does not take block by block."""
    from pushforward.distributions._layout import drawn_in_blocks, most_of_a_call, most_rows

    for shape in ((28, 28, 1), (32, 32, 3)):
        assert not drawn_in_blocks("iterative", shape)
        assert most_of_a_call("iterative", shape) == most_rows(shape)
        assert most_of_a_call("analytic", shape) > most_rows(shape)


def test_images_are_scored_and_drawn_few_at_a_time(key, monkeypatch):
    from pushforward.distributions import _layout

    normal = pf.distributions.Normal(jnp.ones((2, 2, 1)), 1.5)
    x = jax.random.normal(key, (11, 2, 2, 1))
    whole = normal.log_prob(x)
    monkeypatch.setattr(_layout, "IMAGE_CELLS", 16)  # four images
    np.testing.assert_allclose(normal.log_prob(x), whole, rtol=1e-6)
    draws, log_prob = normal.sample_and_log_prob(key, 11)
    assert draws.shape == (11, 2, 2, 1)
    assert len(np.unique(draws[..., 0, 0, 0])) == 11  # every call has a key of its own
    np.testing.assert_allclose(log_prob, normal.log_prob(draws), rtol=1e-5)
