"""What people type first, and what they are told where it does not work."""

import dataclasses
import functools
import json
import os
import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward import bijections, distributions, flows
from pushforward._functions import Held, hashable
from pushforward.distributions import AbstractDistribution, Normal, Transformed

SETUP = """
import json, sys
import jax, jax.numpy as jnp, numpy as np
import pushforward as pf
B, D, F = pf.bijections, pf.distributions, pf.flows
key = jax.random.key(0)
base, bijection, f = D.Normal.standard((2,)), B.Affine(jnp.zeros(2)), lambda x: -x @ x
flow, x = D.Transformed(base, bijection), np.zeros((50, 2))

def told(statement):
    try:
        eval(statement)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "it works"

print(json.dumps({statement: told(statement) for statement in json.load(sys.stdin)}))
"""

TOLD = {
    # keys
    "base.sample(100)": "Write `sample(jax.random.key(0), 100)`",
    "base.sample(3, key)": "the other way round. Write `sample(jax.random.key(0), 3)`",
    "base.sample((3,), key)": "Write `sample(jax.random.key(0), (3,))`",
    "base.sample(None)": "got None",
    "base.sample(key, key)": "Write `sample(key, 100)`",
    "base.sample(key, 2.5)": "must be the number of draws or a shape, got 2.5",
    "base.sample(jax.random.split(key, 3))": "got an array of shape (3,)",
    "base.sample_and_log_prob(100)": "Write `sample_and_log_prob(jax.random.key(0), 100)`",
    "base.sample(jax.random.PRNGKey(0), 3)": "it works",
    "base.sample(np.asarray(jax.random.PRNGKey(0)), 3)": "it works",
    "flow.log_prob(x, key=3)": "Write `key=jax.random.key(3)`",
    "bijection.forward(x[0], key=3)": "Write `key=jax.random.key(3)`",
    "F.maf(2, key=3)": "maf: `key` must be a key from `jax.random.key`, got 3. Write `key=jax.random.key(3)`",
    "F.maf(2)": "maf: `key` must be a key from `jax.random.key`, got None",
    "B.Coupling(B.Affine(), 2, key=3)": "Write `key=jax.random.key(3)`",
    "B.Planar(2, key=3)": "Write `key=jax.random.key(3)`",
    "B.Linear(2, key=3)": "Write `key=jax.random.key(3)`",
    "B.BlockAutoregressive(2, key=3)": "Write `key=jax.random.key(3)`",
    "D.Resampled(base, key=3)": "Write `key=jax.random.key(3)`",
    "pf.fit(flow, x, key=0)": "fit: `key` must be a key from `jax.random.key`, got 0",
    "pf.diagnostics.pit(flow, x, key='0')": "got '0'. Write `key=0`",
    # the wrong order
    "D.Transformed(bijection, base)": "`base` must be a distribution, got an Affine. "
    "Write `Transformed(base, bijection)`, in this order.",
    "D.Transformed(base, B.Affine)": "got the class Affine",
    "D.Embedded(bijection, flow)": "Write `Embedded(distribution, embedding)`, in this order.",
    "D.Target((2,), f)": "Write `Target(function, event_shape)`, in this order.",
    "B.Coupling(2, B.Affine(), key=key)": "got 2. Write `Coupling(Affine(), dim, key=key)`",
    "B.Autoregressive(2, B.Affine(), key=key)": "Write `Autoregressive(Affine(), dim, key=key)`",
    "B.Conditioned(2, bijection, key=key)": "Write `Conditioned(inner, cond_dim, key=key)`",
    "D.ConditionalBase(2, base, key=key)": "`inner` must be a distribution, got 2",
    "pf.fit(x, flow, key=key)": "Write `fit(flow, x, key=jax.random.key(0))`, in this order.",
    "pf.save(flow, 'model.safetensors')": "Write `save(path, flow)`, in this order",
    # one thing for another
    "B.Chain(bijection, bijection)": "takes its bijections in a list. Write `Chain([first, second])`",
    "B.Chain(bijection)": "Write `Chain([first, second])`",
    "B.Chain([bijection, base])": "part 1 must be a bijection, got a Normal",
    "B.Scan(bijection, bijection)": "Write `Scan([first, second])`",
    "B.Concatenate(bijection, bijection)": "Write `Concatenate([first, second])`",
    "D.Mixture(base, base)": "takes its distributions in a list. Write `Mixture([first, second])`",
    "D.Product(base, base)": "Write `Product([first, second])`",
    "B.Inverse(base)": "`bijection` must be a bijection, got a Normal",
    "D.Bridge(base, f)": "Write `Target(function, event_shape)`",
    "B.Metropolis(f)": "Write `Metropolis(Target(function, event_shape))`",
    "B.HMC(f)": "Write `HMC(Target(function, event_shape))`",
    "B.Langevin(f)": "Write `Langevin(Target(function, event_shape))`",
    "pf.objectives.nll(flow, x, key=key)": "Write `nll(flow, Batch(x), key=key)`",
    "pf.diagnostics.pit(pf.FlowDensity(), x, key=0)": "An estimator has a flow after its `fit`",
    "pf.plots.density_grid(pf.FlowDensity())": "An estimator has a flow after its `fit`",
    "F.maf(x, key=key)": "`dim` must be a whole number from 1 on, got an array of shape (50, 2)",
    "base.standard(2)": "A shape must be a tuple, such as `(2,)`, got 2",
    "B.Identity(2)": "A shape must be a tuple, such as `(2,)`, got 2",
    "B.Exp(2)": "A shape must be a tuple, such as `(2,)`, got 2",
    "B.Permute(3)": "`jax.random.permutation(key, d)` makes one",
    "flow.log_prob(np.zeros((3, 4)))": "the last axes of `x` must be (2,), got shape (3, 4)",
    "pf.fit(flow, x, batch_size='x', key=key)": "`batch_size` must be a whole number of at least 1, got x",
}


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    """What a process of its own is told, in which no annotation is checked: that of a user."""
    environment = {name: value for name, value in os.environ.items() if name != "PUSHFORWARD_TYPECHECK"}
    run = subprocess.run(
        [sys.executable, "-c", SETUP], input=json.dumps(list(TOLD)), text=True, capture_output=True, env=environment
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("statement", TOLD)
def test_who_types_this_is_told_what_to_write(told, statement):
    assert TOLD[statement] in told[statement]


@pytest.mark.parametrize("name", flows.RECIPES)
def test_every_recipe_is_the_function_of_its_name(name):
    assert getattr(flows, name.replace("-", "_")) is flows.RECIPES[name].build
    assert name.replace("-", "_") in flows.__all__


@pytest.mark.parametrize("recipe", list(flows.RECIPES.values()), ids=list(flows.RECIPES))
def test_a_recipe_names_itself_when_it_asks_for_a_key(recipe):
    with pytest.raises(ValueError, match=r"`key` must be a key from `jax.random.key`, got None"):
        recipe.build(recipe.example)


@pytest.mark.parametrize("old", [True, False], ids=["old", "new"])
def test_old_keys_draw_the_same(old):
    make = jax.random.PRNGKey if old else jax.random.key
    assert (
        Normal.standard((2,)).sample(make(3), 2).tolist() == Normal.standard((2,)).sample(jax.random.key(3), 2).tolist()
    )


# Any callable.


def _quadratic(x, scale):
    return -0.5 * jnp.sum(x**2) / scale**2


@dataclasses.dataclass
class _WithoutHash:
    scale: float

    def __call__(self, x):
        return _quadratic(x, self.scale)

    def method(self, x):
        return self(x)


class _Object:
    def __call__(self, x):
        return _quadratic(x, 2.0)


TEACHER = Normal(jnp.zeros(2), 2.0)
DENSITIES = {
    "lambda": lambda x: _quadratic(x, 2.0),
    "jitted": jax.jit(lambda x: _quadratic(x, 2.0)),
    "method of a flow": TEACHER.log_prob,
    "jitted method of a flow": jax.jit(TEACHER.log_prob),
    "filter-jitted method of a flow": eqx.filter_jit(TEACHER.log_prob),
    "equinox partial": eqx.Partial(_quadratic, scale=jnp.array(2.0)),
    "JAX partial": jax.tree_util.Partial(_quadratic, scale=jnp.array(2.0)),
    "functools partial": functools.partial(_quadratic, scale=jnp.array(2.0)),
    "functools partial of a method": functools.partial(TEACHER.log_prob, condition=None),
    "data class": _WithoutHash(2.0),
    "method of a data class": _WithoutHash(2.0).method,
    "object": _Object(),
}
FLOW = Normal(jnp.zeros(2), 2.1)


@pytest.mark.parametrize("name", DENSITIES)
def test_any_callable_is_a_density_to_weigh_by(name, key):
    found = pf.diagnostics.importance(FLOW, DENSITIES[name], num_samples=2000, key=key)
    log_z = 0.0 if "flow" in name or "partial of a method" in name else np.log(2 * np.pi * 4.0)
    assert abs(found.log_z - log_z) < 5 * found.log_z_error
    second, _ = found.expectation(lambda x: jnp.sum(x**2))
    assert abs(second - 8.0) < 1.0
    assert found.expectation(DENSITIES[name])[0].shape == ()


@pytest.mark.parametrize("name", DENSITIES)
def test_any_callable_is_a_density_to_train_to(name, key):
    objective = pf.objectives.reverse_kl(DENSITIES[name], num_samples=16)
    settings = {"max_epochs": 1, "steps_per_epoch": 2, "progress": False, "key": key}
    assert np.isfinite(pf.fit(FLOW, None, objective=objective, **settings).best_loss)


@pytest.mark.parametrize("name", DENSITIES)
def test_any_callable_is_a_target_to_walk_along(name, key):
    target = distributions.Target(DENSITIES[name], (2,))
    want = jnp.stack([_quadratic(x, 2.0) for x in jnp.eye(2)]) - jnp.array([0.0, 0.0])
    found = target.log_prob(jnp.eye(2))
    np.testing.assert_allclose(found - found[0], want - want[0], atol=1e-6)
    walk = Transformed(FLOW, bijections.Metropolis(target, num_steps=2))
    assert np.isfinite(walk.sample(key, 3)).all()


def test_any_callable_is_an_objective_a_schedule_a_source_and_an_optimizer(key):
    @dataclasses.dataclass
    class Objective:
        scale: float

        def __call__(self, flow, batch, *, key):
            loss, metrics = pf.objectives.nll(flow, batch, key=key)
            return self.scale * loss, metrics

    @dataclasses.dataclass
    class Schedule:
        low: float

        def __call__(self, step):
            return self.low + 1.0 / (1.0 + step)

    import optax

    settings = {"max_epochs": 1, "steps_per_epoch": 2, "progress": False, "key": key}
    for objective in (Objective(1.0), eqx.Partial(pf.objectives.nll), functools.partial(pf.objectives.nll)):
        assert np.isfinite(pf.fit(FLOW, TEACHER.sample, objective=objective, **settings).best_loss)
    for schedule in (Schedule(0.1), functools.partial(lambda step, low: low, low=0.5), eqx.Partial(lambda step: 1.0)):
        assert np.isfinite(pf.fit(FLOW, TEACHER.sample, schedule=schedule, **settings).best_loss)
    adam = optax.adam(1e-3)
    own = optax.GradientTransformation(adam.init, eqx.Partial(adam.update))
    assert np.isfinite(pf.fit(FLOW, TEACHER.sample, optimizer=own, **settings).best_loss)


def test_an_objective_without_a_hash_still_says_why_it_is_not_finite(key):
    @dataclasses.dataclass
    class Explaining:
        words: str

        def __call__(self, flow, batch, *, key):
            return jnp.nan * jnp.sum(flow.scale), {}

        def cause(self, flow, key):
            return self.words

    objective = Explaining("the moon is full")
    result = pf.fit(FLOW, None, objective=objective, max_epochs=1, steps_per_epoch=3, progress=False, key=key)
    assert "the moon is full" in result.events[0]


def test_the_same_method_twice_is_compiled_once():
    assert hashable(TEACHER.log_prob) == hashable(TEACHER.log_prob)
    assert hash(hashable(TEACHER.log_prob)) == hash(hashable(TEACHER.log_prob))
    assert hashable(TEACHER.log_prob) != hashable(Normal(jnp.zeros(2), 2.0).log_prob)


def test_what_can_change_in_place_is_not_taken_for_what_it_was(key):
    density = _WithoutHash(1.0)
    first = pf.diagnostics.importance(FLOW, density, num_samples=4000, key=key)
    density.scale = 2.0
    second = pf.diagnostics.importance(FLOW, density, num_samples=4000, key=key)
    assert second.log_z - first.log_z == pytest.approx(np.log(4.0), abs=0.2)
    assert isinstance(hashable(density), Held)
    assert hashable(density) != hashable(density)


# A base of one's own, written from the docstrings alone.


class _Gumbel(AbstractDistribution):
    loc: jax.Array

    cond_shape = None

    @property
    def event_shape(self):
        return self.loc.shape

    def _log_prob_many(self, x, condition, key):
        z = x - self.loc[:, None]
        return jnp.sum(-z - jnp.exp(-z), axis=0)

    def _sample_many(self, key, n, condition, temperature):
        return self.loc[:, None] + jax.random.gumbel(key, (*self.event_shape, n))


def test_a_base_of_ones_own_is_trained_saved_and_diagnosed(key, tmp_path):
    x = np.random.default_rng(0).gumbel([1.0, -2.0], size=(2000, 2))
    result = pf.fit(_Gumbel(jnp.zeros(2)), x, max_epochs=30, learning_rate=0.03, progress=False, key=key)
    assert result.best_loss < result.start_loss
    np.testing.assert_allclose(result.flow.loc, [1.0, -2.0], atol=0.25)
    flow = Transformed(result.flow, bijections.Coupling(bijections.Affine(), 2, width=4, key=key))
    pf.save(tmp_path / "flow.safetensors", flow)
    assert pf.load(tmp_path / "flow.safetensors").sample(key, 3).tolist() == flow.sample(key, 3).tolist()
    assert pf.diagnostics.diagnose(flow, x[:50], key=0).share_nan == 0.0


class _BatchFirst(_Gumbel):
    def _sample_many(self, key, n, condition, temperature):
        return self.loc + jax.random.gumbel(key, (n, *self.event_shape))


class _NotSummed(_Gumbel):
    def _log_prob_many(self, x, condition, key):
        return x


@pytest.mark.parametrize("in_a_flow", [False, True])
def test_a_base_with_its_axes_in_the_wrong_order_is_refused(in_a_flow, key):
    def dressed(base):
        return Transformed(base, bijections.Exp((2,))) if in_a_flow else base

    for draw in (dressed(_BatchFirst(jnp.zeros(2))).sample, dressed(_BatchFirst(jnp.zeros(2))).sample_and_log_prob):
        with pytest.raises(ValueError, match=r"_BatchFirst._sample_many: must give shape \(2, 5\), got \(5, 2\)"):
            draw(key, 5)
    with pytest.raises(ValueError, match=r"_NotSummed._log_prob_many: must give shape \(5,\), got \(2, 5\)"):
        dressed(_NotSummed(jnp.zeros(2))).log_prob(jnp.ones((5, 2)))


def test_a_shape_in_a_plain_field_is_refused():
    class PlainShape(_Gumbel):
        event_shape: tuple[int, ...] = (2,)

    with pytest.raises(TypeError, match=r"`event_shape` holds plain data, .*equinox.field\(static=True\)"):
        PlainShape(jnp.zeros(2))


# Estimators in place of flows, seeds in place of keys.


@pytest.fixture(scope="module")
def density():
    return pf.FlowDensity("affine", max_epochs=3, random_state=0).fit(_rows())


@pytest.fixture(scope="module")
def conditional():
    x = _rows()
    return pf.ConditionalFlowDensity("affine", max_epochs=3, random_state=0).fit(x[:, :1] + 1.0, x)


def _rows():
    return np.random.default_rng(0).normal(size=(300, 2))


def test_diagnostics_take_an_estimator_and_a_seed(density):
    x, flow, key = _rows(), density.flow_, jax.random.key(3)
    diagnostics = pf.diagnostics
    assert diagnostics.pit(density, x, num_samples=50, key=3).tolist() == (
        diagnostics.pit(flow, x, num_samples=50, key=key).tolist()
    )
    assert diagnostics.integrate(density, points=64, key=3) == diagnostics.integrate(flow, points=64, key=key)
    assert diagnostics.ks_per_dimension(density, x, key=3).p_value.tolist() == (
        diagnostics.ks_per_dimension(flow, x, key=key).p_value.tolist()
    )
    assert str(diagnostics.diagnose(density, x, max_points=20, key=3)) == (
        str(diagnostics.diagnose(flow, x, max_points=20, key=key))
    )
    found = [diagnostics.importance(one, lambda x: -x @ x, num_samples=100, key=3).log_z for one in (density, flow)]
    assert found[0] == found[1]


def test_diagnostics_take_a_conditional_estimator_with_one_number_a_row(conditional):
    x, y = _rows(), _rows()[:, 0] + 1.0
    assert pf.diagnostics.pit(conditional, x, y, num_samples=20, key=0).shape == x.shape
    assert pf.diagnostics.ks_per_dimension(conditional, x, y, key=0).p_value.shape == (2,)
    assert pf.diagnostics.diagnose(conditional, x, y, max_points=20, key=0).points == 20


def test_solver_reports_take_an_estimator():
    settings = {"options": {"width": 4, "depth": 1}, "max_epochs": 1, "random_state": 0}
    density = pf.FlowDensity("ffjord", **settings).fit(_rows()[:60])
    assert pf.diagnostics.solver_report(density, _rows()[:5])[0].finished


def test_diagnostics_take_a_data_frame(density):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(_rows(), columns=["a", "b"])
    assert pf.diagnostics.diagnose(density, frame, max_points=20, key=0).points == 20


def test_diagnostics_take_an_image_estimator():
    images = np.random.default_rng(0).integers(0, 256, (40, 4, 4), dtype=np.uint8)
    small = {"num_levels": 1, "num_steps": 1, "width": 4}
    model = pf.ImageDensity("glow", options=small, max_epochs=1, random_state=0).fit(images)
    assert pf.diagnostics.pit(model, images[..., None], num_samples=5, key=0).shape == (40, 16)


def test_pictures_take_an_estimator_and_a_seed(density, conditional):
    x = _rows()
    figures = [
        pf.plots.corner(x, density, key=1),
        pf.plots.corner(x, conditional, condition=x[:, 0] + 1.0, key=1),
        pf.plots.samples_beside_data(density, x, key=1),
        pf.plots.density_grid(density, resolution=20, key=1),
        pf.plots.density_grid({"fit": density, "truth": lambda rows: -np.sum(rows**2, axis=1)}, x, resolution=20),
        pf.plots.density_grid(conditional, condition=np.ones(1), resolution=20, key=1),
        pf.plots.steps(density, 0, num_points=20),
    ]
    assert all(figure.axes for figure in figures)
