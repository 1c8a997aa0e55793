"""Networks that compute in bfloat16 give what they gave, to two digits, in full numbers; the flow stays exact."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cases import perturb
from pushforward import bijections as b
from pushforward.nets import ConvAttentionNet, ConvNet

IN, OUT = (4, 4, 2), (2, 4, 4, 3)
NETS = {
    "conv": lambda **o: ConvNet(IN, OUT, width=32, depth=3, residual=True, cond_dim=3, **o),
    "attention": lambda **o: ConvAttentionNet(IN, OUT, width=32, depth=2, num_heads=2, cond_dim=3, **o),
}


def of_both(make, key):
    """The same weights in both precisions."""
    return [perturb(make(precision=precision, key=key)) for precision in ("full", "bfloat16")]


@pytest.mark.parametrize("name", NETS)
def test_values_and_gradients_are_near_those_in_full_and_full_numbers(name, key):
    x, condition = jax.random.normal(key, (*IN, 8)), jnp.eye(3)[:, np.arange(8) % 3]

    @jax.jit
    def run(net):
        def loss(net):
            y = net(x, condition)
            return jnp.sum(y**2) / 100, y

        return jax.grad(loss, has_aux=True)(net)

    (wanted_gradient, wanted), (gradient, y) = (run(net) for net in of_both(NETS[name], key))
    assert y.dtype == jnp.float32
    assert np.sqrt(np.mean((y - wanted) ** 2) / np.mean(wanted**2)) < 1e-2
    assert np.any(y != wanted)  # it does compute in fewer bits
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(gradient))
    flat, full = (np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(g)]) for g in (gradient, wanted_gradient))
    assert np.linalg.norm(flat - full) < 5e-2 * np.linalg.norm(full)


@pytest.mark.parametrize("options", [{"checkerboard": 0}, {"attention": 2, "depth": 1}], ids=["conv", "attention"])
def test_a_coupling_stays_exact_and_its_log_det_full(options, key):
    full, layer = of_both(lambda **o: b.Coupling(b.Affine(), (4, 4, 2), width=16, **options, **o), key)
    x = jax.random.normal(key, (4, 4, 2, 8))
    y, log_det = layer._forward_many(x, None, None)
    back, log_det_back = layer._inverse_many(y, None, None)
    assert log_det.dtype == log_det_back.dtype == jnp.float32
    # What stays is the same number in both directions, and so is what the network makes of it.
    np.testing.assert_allclose(back, x, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(log_det_back, -log_det, rtol=1e-6)
    np.testing.assert_allclose(log_det, full._forward_many(x, None, None)[1], rtol=2e-2, atol=0.2)


def test_an_unknown_precision_is_refused(key):
    with pytest.raises(ValueError, match="`precision` must be one of full, bfloat16, got 'float16'"):
        ConvNet(IN, OUT, precision="float16", key=key)
    with pytest.raises(ValueError, match="`residual` and `precision` are for images"):
        b.Coupling(b.Affine(), 3, precision="bfloat16", key=key)
