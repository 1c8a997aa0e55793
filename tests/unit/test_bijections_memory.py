"""What a stack keeps for its gradient changes memory, and not what it computes."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from cases import perturb
from pushforward import bijections as b
from pushforward._params import static
from pushforward.bijections import AbstractBatched

D, ROWS = 4, 5


class Noisy(AbstractBatched):
    """Scales and adds noise that its key alone decides, so both directions are closed forms."""

    scale: jax.Array
    shape: tuple[int, ...] = static(default=(D,))
    in_shape: ClassVar = (D,)
    out_shape: ClassVar = (D,)
    cond_shape: ClassVar = None
    forward_kind: ClassVar = "analytic"
    inverse_kind: ClassVar = "analytic"

    def _forward_many(self, x, condition, key):
        scale = jnp.exp(self.scale)[:, None] * jnp.cosh(jax.random.normal(key, x.shape, x.dtype))
        return scale * x, jnp.sum(jnp.log(scale), axis=0)

    def _inverse_many(self, x, condition, key):
        scale = jnp.exp(self.scale)[:, None] * jnp.cosh(jax.random.normal(key, x.shape, x.dtype))
        return x / scale, -jnp.sum(jnp.log(scale), axis=0)


def stack(memory: str, key: jax.Array, layers: int = 3) -> b.Scan:
    def layer(key):
        return b.Chain([b.Coupling(b.Affine(), D, width=6, depth=1, cond_dim=2, key=key), b.LU(D), b.Flip((D,))])

    return perturb(b.Scan([layer(k) for k in jax.random.split(key, layers)], memory=memory))


def gradients(scan: b.Scan, method: str, key: jax.Array, noise: jax.Array | None = None):
    """Of a loss of the value and the log-det, for the parameters, the events and their conditions."""

    @jax.jit
    def run(scan, x, condition):
        def loss(scan, x, condition):
            y, log_det = getattr(scan, method)(x, condition, noise)
            return jnp.sum(jnp.sin(y)) + jnp.sum(jnp.cos(jnp.arange(1.0, log_det.size + 1)) * log_det)

        return jax.value_and_grad(loss, argnums=(0, 1, 2))(scan, x, condition)

    condition = None if scan.cond_shape is None else jax.random.normal(key, (2, ROWS), jnp.result_type(float))
    return jax.tree.leaves(run(scan, jax.random.normal(key, (D, ROWS), jnp.result_type(float)), condition))


def close(given, wanted):
    for a, b_ in zip(given, wanted, strict=True):
        np.testing.assert_allclose(a, b_, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("method", ["_forward_many", "_inverse_many"])
@pytest.mark.parametrize("memory", ["recompute", "invert"])
def test_gradients_are_those_of_a_stack_that_keeps_everything(method, memory, key, x64):
    close(gradients(stack(memory, key), method, key), gradients(stack("store", key), method, key))


@pytest.mark.parametrize("memory", ["recompute", "invert"])
def test_a_layer_that_is_run_again_gets_its_key_again(memory, key, x64):
    scans = [b.Scan([Noisy(jnp.full(D, s)) for s in (0.1, -0.2)], memory=m) for m in (memory, "store")]
    for method in ("_forward_many", "_inverse_many"):
        close(*(gradients(scan, method, key, noise=jax.random.key(3)) for scan in scans))


def test_gradients_of_single_events_and_of_gradients(key, x64):
    """`vmap` of one event at a time, and a second derivative."""

    def twice(scan):
        first = jax.grad(lambda x, c: jnp.sum(scan.inverse(x, c) ** 2))
        second = jax.grad(lambda x, c: jnp.sum(first(x, c) ** 2))
        return jax.jit(jax.vmap(second))(jnp.sin(jnp.arange(3.0 * D)).reshape(3, D), jnp.ones((3, 2)))

    np.testing.assert_allclose(twice(stack("invert", key, 2)), twice(stack("store", key, 2)), rtol=1e-9)


def temporary_bytes(memory: str, layers: int) -> int:
    """Of a compiled gradient."""
    make = jax.vmap(lambda k: b.Coupling(b.Affine(), D, key=k))
    scan = b.Scan.of_stacked(jax.eval_shape(make, jax.random.split(KEY, layers)), layers, memory=memory)
    loss = jax.grad(lambda scan, x: sum(jnp.sum(part) for part in scan._inverse_many(x, None, None)))
    compiled = jax.jit(loss).lower(scan, jax.ShapeDtypeStruct((D, 4096), jnp.float32)).compile()
    return compiled.memory_analysis().temp_size_in_bytes


KEY = jax.random.key(0)


def test_memory_grows_by_everything_by_an_event_or_not_at_all():
    event = D * 4096 * 4
    growth = {m: (temporary_bytes(m, 24) - temporary_bytes(m, 12)) / 12 for m in ("store", "recompute", "invert")}
    assert growth["store"] > 20 * event
    assert growth["recompute"] == pytest.approx(event, rel=0.2)
    assert growth["invert"] < 0.2 * event


def test_memory_stays_with_the_flow_when_it_is_started_saved_and_loaded(key, tmp_path):
    scan = b.repeat(lambda k: b.ActNorm(D), 2, key, memory="recompute")
    started, _ = scan._data_init(3.0 + jax.random.normal(key, (D, 64)), None)
    assert (started.memory, started.num_layers) == ("recompute", 2)
    pf.save(tmp_path / "scan.safetensors", started)
    assert pf.load(tmp_path / "scan.safetensors").memory == "recompute"


def test_what_cannot_be_saved_in_this_way_is_refused():
    with pytest.raises(ValueError, match="`memory` must be one of store, recompute, invert, got 'none'"):
        b.Scan([b.Shift(jnp.ones(2))], memory="none")
    loop = b.Inverse(b.Autoregressive(b.Affine(), 2, width=4, depth=1, key=KEY))
    with pytest.raises(ValueError, match=r"closed form, got forward analytic, inverse sequential.*'recompute'"):
        b.Scan([loop], memory="invert")
    with pytest.raises(ValueError, match="closed form, got a loss of information"):
        b.Scan([b.Dequantize((2,))], memory="invert")
