"""Networks of a user's own in couplings, autoregressive layers and conditioned maps, and functions as activations."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from own_nets import Masked, Pixels, Settings
from pushforward import FileError
from pushforward.bijections import Affine, Autoregressive, Chain, Conditioned, Coupling, Flip, Shift, repeat
from pushforward.distributions import Normal, Transformed
from pushforward.io._container import Contents, decode, encode
from pushforward.nets import MADE, MLP, AbstractConditioner, PerEvent
from pushforward.nets._own import own_net


def mlp(in_size, out_size, key, **options):
    return eqx.nn.MLP(in_size, out_size, 8, 1, key=key, **options)


def couplings(key):
    layer = lambda k: Chain([Coupling(Affine(), 2, net=mlp(1, 2, k)), Flip((2,))])  # noqa: E731
    return Transformed(Normal.standard((2,)), repeat(layer, 4, key))


def test_a_coupling_gives_what_its_network_says(key):
    net = mlp(2, 2, key)
    layer = Coupling(Shift(), 4, net=net)
    x = jnp.arange(4.0)
    np.testing.assert_allclose(layer.forward(x), jnp.concatenate([x[:2], x[2:] + net(x[:2])]), rtol=1e-6)


def test_the_condition_stands_behind_the_coordinates(key):
    net = mlp(5, 2, key)
    layer = Coupling(Shift(), 4, net=net, cond_dim=3)
    x, condition = jnp.arange(4.0), jnp.array([1.0, -2.0, 0.5])
    shift = net(jnp.concatenate([x[:2], condition]))
    np.testing.assert_allclose(layer.forward(x, condition)[2:], x[2:] + shift, rtol=1e-6)


def test_flow_of_own_networks_learns_saves_and_loads(key, tmp_path):
    x = jax.random.normal(key, (512, 2)) @ jnp.array([[2.0, 1.0], [0.0, 0.5]]) + 1.0
    result = pf.fit(couplings(key), x, max_epochs=20, key=key, progress=False)
    truth = Normal.standard((2,)).log_prob((x - 1.0) @ jnp.linalg.inv(jnp.array([[2.0, 1.0], [0.0, 0.5]])))
    assert jnp.mean(result.flow.log_prob(x)) > jnp.mean(truth) - 0.15  # log|det| of the matrix is 0
    pf.save(tmp_path / "a.safetensors", result.flow)
    loaded = pf.load(tmp_path / "a.safetensors")
    assert jax.tree.structure(loaded) == jax.tree.structure(result.flow)
    np.testing.assert_array_equal(loaded.log_prob(x), result.flow.log_prob(x))


def test_gradient_of_an_own_network_is_that_of_finite_differences(key, x64):
    flow = couplings(key)
    x = jax.random.normal(key, (3, 2))
    loss = lambda flow: -jnp.mean(flow.log_prob(x))  # noqa: E731
    way = jax.tree.map(lambda leaf: jax.random.normal(jax.random.key(leaf.size), leaf.shape), flow)
    moved = lambda h: jax.tree.map(lambda a, b: a + h * b, flow, way)  # noqa: E731
    slope = sum(jnp.vdot(g, w) for g, w in zip(*map(jax.tree.leaves, (jax.grad(loss)(flow), way)), strict=True))
    assert float(slope) == pytest.approx(float(loss(moved(1e-6)) - loss(moved(-1e-6))) / 2e-6, rel=1e-5)


def test_our_own_networks_may_be_given_too(key):
    ours = Coupling(Affine(), 4, width=8, key=key)
    given = Coupling(Affine(), 4, net=MLP(2, (2, 2), width=8, key=key))
    assert jax.tree.structure(ours) == jax.tree.structure(given)
    made = Autoregressive(Affine(), 3, width=8, key=key)
    assert jax.tree.structure(made) == jax.tree.structure(Autoregressive(Affine(), 3, net=MADE(3, 2, width=8, key=key)))


def test_sampling_by_passes_agrees_with_the_loop_inside_the_network(key):
    made = MADE(4, 2, width=16, key=key)
    made = jax.tree.map(lambda leaf: leaf + 0.3 * jax.random.normal(key, leaf.shape), made)

    class Hidden(AbstractConditioner):
        net: MADE
        cond_dim: None = None
        in_shape: tuple[int, ...] = eqx.field(static=True, default=(4,))
        out_shape: tuple[int, ...] = eqx.field(static=True, default=(2, 4))

        def __call__(self, x, condition=None):
            return self.net(x, condition)

    z = jax.random.normal(key, (4,))
    ours = Autoregressive(Affine(), 4, net=made).forward_and_log_det(z)
    own = Autoregressive(Affine(), 4, net=Hidden(made)).forward_and_log_det(z)
    np.testing.assert_allclose(own[0], ours[0], rtol=1e-5)
    np.testing.assert_allclose(own[1], ours[1], rtol=1e-5, atol=1e-6)


BAD = [
    (lambda k: Coupling(Affine(), 4, net=mlp(2, 5, k)), "must give 4 numbers, shape .2, 2., .* it gives shape .5,"),
    (lambda k: Coupling(Affine(), 4, net=mlp(3, 4, k)), "without a batch axis, but calling it fails: TypeError"),
    (lambda k: Coupling(Affine(), 4, net=mlp(2, 4, k), cond_dim=2), "and a condition of shape .2,.*calling it fails"),
    (lambda k: Coupling(Affine(), 4, net=mlp(2, 4, k, activation=jnp.log)), "gives NaN or infinite numbers at"),
    (
        lambda k: Coupling(Affine(), 4, net=mlp(2, 4, k), width=64, circular=True),
        "`width`, `circular` would do nothing",
    ),
    (lambda k: Coupling(Affine(), 4, net=MLP(2, (4,), key=k)), "must give 4 numbers, shape .2, 2., .* batch last"),
    (lambda k: Coupling(Affine(), 4, net=MLP(3, (2, 2), key=k)), "sees events of shape .3,., but the layer shows it"),
    (lambda k: Coupling(Affine(), 4, net=MLP(2, (2, 2), cond_dim=1, key=k)), "`net` has cond_dim=1, but the layer"),
    (lambda k: Coupling(Affine(), (2, 2, 2), net=Pixels(1, 3, 1, key=k)), "must give 8 numbers"),
    (lambda k: Autoregressive(Affine(), 3, net=mlp(3, 6, k)), "output 0 of `net` depends on coordinate 0"),
    (lambda k: Autoregressive(Affine(), 3, net=Masked(3, 2, leak=0.1, key=k)), "output 0 .* depends on coordinate 2"),
    (lambda k: Autoregressive(Affine(), 3, net=Masked(3, 2, key=k), adjacency=np.eye(3)), "`adjacency` would do"),
    (lambda k: Conditioned(Affine(jnp.zeros(2)), 3, net=mlp(3, 3, k)), "Conditioned: `net` must give 4 numbers"),
    (lambda k: Coupling(Affine(), 4), "needs `key=` for the initial weights"),
    (
        lambda k: Coupling(Affine(), 4, net=mlp(2, 4, k, activation=lambda x: x)),
        "is the function `<lambda>`",
    ),
    (lambda k: PerEvent(eqx.nn.Lambda(jnp.fft.fft), (2,), (2,)), "`fn` is the function `fft`, which a file could"),
]


@pytest.mark.parametrize(("build", "message"), BAD, ids=range(len(BAD)))
def test_a_network_that_does_not_fit_is_refused_in_words(build, message, key):
    with pytest.raises(ValueError, match=message):
        build(key)


@pytest.mark.parametrize("net", [jnp.tanh, eqx.nn.StateIndex(jnp.zeros(2)), "mlp"])
def test_what_is_no_network_is_refused(net):
    with pytest.raises(TypeError, match="`net` must be an Equinox module that can be called"):
        own_net("Coupling", net, (2,), (2, 2), None, options={})


class Worn(eqx.Module):
    """Masked by zeros in its weights alone, which training wears off; or by a float mask that has no gradient."""

    weight: jax.Array
    mask: jax.Array
    stopped: bool = eqx.field(static=True)

    def __init__(self, key, *, stopped):
        self.mask = jnp.tril(jnp.ones((3, 3)), -1)
        self.weight = jax.random.normal(key, (3, 3)) * self.mask
        self.stopped = stopped

    def __call__(self, x):
        mask = jax.lax.stop_gradient(self.mask) if self.stopped else 1.0
        return (mask * self.weight) @ x


def test_a_mask_that_training_would_wear_off_is_refused(key):
    with pytest.raises(ValueError, match="keep masks from being trained"):
        Autoregressive(Shift(), 3, net=Worn(key, stopped=False))
    assert Autoregressive(Shift(), 3, net=Worn(key, stopped=True)).in_shape == (3,)


class Jump(eqx.Module):
    """Depends on the last coordinate by its sign, so that its Jacobian is zero."""

    weight: jax.Array

    def __call__(self, x):
        return self.weight * jnp.sign(x[-1])


def test_dependence_without_a_slope_is_found(key):
    with pytest.raises(ValueError, match="output 0 of `net` depends on coordinate 2"):
        Autoregressive(Shift(), 3, net=Jump(jnp.ones(3)))


def test_a_network_is_tried_inside_of_a_transformation_too(key):
    with pytest.raises(ValueError, match="It was tried with random weights"):
        repeat(lambda k: Autoregressive(Affine(), 3, net=mlp(3, 6, k)), 2, key)
    layers = repeat(lambda k: Autoregressive(Affine(), 3, net=Masked(3, 2, key=k)), 2, key)
    assert layers.forward(jnp.zeros(3)).shape == (3,)


def test_all_kinds_of_fields_are_saved(key, tmp_path):
    layer = Coupling(Affine(), 4, net=Settings(key))
    pf.save(tmp_path / "a.safetensors", layer)
    loaded = pf.load(tmp_path / "a.safetensors")
    assert jax.tree.structure(loaded) == jax.tree.structure(layer)
    given = loaded.net.as_given()
    assert (given.rate, given.inference, given.name, given.act) == (0.5, True, "plain", jax.nn.relu)
    assert isinstance(given.weights, dict)
    assert isinstance(given.layers, list)
    np.testing.assert_array_equal(given.places, [1, 0])
    np.testing.assert_array_equal(loaded.forward(jnp.arange(4.0)), layer.forward(jnp.arange(4.0)))


def rewrite(path, old, new):
    """Write the file again with another structure."""
    contents = decode(path.read_bytes(), "file")
    text = json.dumps(contents.document)
    assert old in text
    path.write_bytes(encode(Contents(contents.arrays, json.loads(text.replace(old, new)))))


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("own_nets.Settings", "my_nets.Settings", "holds a `my_nets.Settings`", "import the module that defines"),
        ("jax.nn.tanh", "os.system", "the function `os.system`, which is not known", "upgrade"),
    ],
)
def test_a_file_names_only_what_is_known(old, new, message, hint, key, tmp_path):
    path = tmp_path / "a.safetensors"
    pf.save(path, Coupling(Affine(), 4, net=Settings(key)))
    rewrite(path, old, new)
    with pytest.raises(FileError, match=message) as error:
        pf.load(path)
    assert hint in error.value.hint


@pytest.mark.parametrize("recipe", ["maf", "nsf", "ffjord", "tarflow", "glow", "mintnet"])
def test_an_activation_may_be_the_function_of_jax(recipe, key):
    build = pf.flows.RECIPES[recipe].build
    example = pf.flows.RECIPES[recipe].example
    by_function = build(example, activation=jax.nn.tanh, key=key)
    by_name = build(example, activation="tanh", key=key)
    assert jax.tree.structure(by_function) == jax.tree.structure(by_name)


def test_another_function_as_an_activation_is_refused_in_words(key):
    with pytest.raises(ValueError, match=r"a function of JAX that has one .*relu.*got the function `<lambda>`"):
        pf.flows.maf(2, activation=lambda x: x, key=key)
    with pytest.raises(ValueError, match="unknown activation 'relluu'; did you mean 'relu'"):
        pf.flows.maf(2, activation="relluu", key=key)
