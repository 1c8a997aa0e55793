"""Training that goes wrong: skipped, explained, taken back."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward import flows
from pushforward._errors import TrainingError
from pushforward.bijections import AbstractElementwise, Affine, Chain, Flip, Shift
from pushforward.distributions import Normal, Transformed
from pushforward.objectives import nll
from pushforward.train import fit

QUICK = {"learning_rate": 0.05, "max_epochs": 6, "batch_size": 32, "progress": False}


class FailsFarOut(AbstractElementwise):
    """The identity, but not a number beyond 100."""

    forward_kind: ClassVar = "analytic"
    inverse_kind: ClassVar = "analytic"
    shape: ClassVar = (2,)

    def _forward_pointwise(self, x):
        return x, jnp.zeros_like(x)

    def _inverse_pointwise(self, x):
        return jnp.where(jnp.abs(x) > 100.0, jnp.nan, x), jnp.zeros_like(x)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32) + 2.0


@pytest.fixture(scope="module")
def flow():
    return flows.affine(2, key=jax.random.key(0))


def is_finite(flow):
    return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(flow))


@pytest.mark.parametrize("validation", [0.1, None])
def test_a_learning_rate_of_ten_ends_well_and_says_what_happened(x, key, validation):
    flow = flows.maf(2, num_layers=2, width=16, key=key)
    settings = QUICK | {"learning_rate": 10.0, "max_epochs": 20, "batch_size": 60}  # it goes back within an epoch
    result = fit(flow, x, validation=validation, key=key, **settings)
    assert is_finite(result.flow)
    assert -float(result.flow.log_prob(x).mean()) < -float(flow.log_prob(x).mean())
    assert result.best_loss <= result.start_loss
    assert any("went back to" in event and "learning rate now" in event for event in result.events)
    assert "went back to" in str(result)


def test_a_skipped_step_names_the_layer_and_training_goes_on(x, key):
    x = np.concatenate([x, [[1.0, 3000.0]]])
    flow = Transformed(Normal.standard((2,)), Chain([Affine(jnp.zeros(2)), Chain([FailsFarOut(), Flip((2,))])]))
    result = fit(flow, x, validation=x[:50], key=key, **QUICK)
    assert result.skipped_steps == 6  # once an epoch
    assert "layer 2 of 3, counted from the base (FailsFarOut), is not finite in 1 of 32 rows" in result.events[0]
    assert result.best_loss < result.start_loss
    assert is_finite(result.flow)


def test_layers_are_walked_from_the_data_to_the_base(x, key):
    widen = Affine(jnp.zeros(2), 0.01 * jnp.ones(2))  # what is 3 in the data is 300 one layer down
    flow = Transformed(Normal.standard((2,)), Chain([FailsFarOut(), widen, Flip((2,))]))
    with pytest.raises(TrainingError, match=r"layer 1 of 3, counted from the base \(FailsFarOut\)"):
        fit(flow, x, key=key, **QUICK)


def test_a_gradient_that_is_not_finite_is_explained_by_its_parameter(flow, x, key):
    def bad_gradient(flow, batch, *, key):
        # The square root of 0 has no finite gradient.
        good = 1.0 - jnp.any(batch.x > 50.0)
        return nll(flow, batch, key=key)[0] + jnp.sqrt(good * (1.0 + jnp.sum(flow.bijection.loc**2))), {}

    x = np.concatenate([x, [[60.0, 0.0]]])
    result = fit(flow, x, objective=bad_gradient, validation=x[:50], key=key, **QUICK | {"max_epochs": 2})
    assert result.skipped_steps == 2
    assert "gradient is not finite at `flow.bijection.loc`" in result.events[0]


def test_training_that_always_fails_ends_with_the_layer_at_fault(x, key):
    flow = Transformed(Normal.standard((2,)), Chain([Affine(jnp.zeros(2)), FailsFarOut()]))
    with pytest.raises(TrainingError, match=r"layer 2 of 2, counted from the base \(FailsFarOut\)") as error:
        fit(flow, x + 500.0, key=key, **QUICK)
    assert error.value.hint


def test_held_out_rows_outside_the_support_are_explained(x, key):
    flow = Transformed(Normal.standard((2,)), FailsFarOut())
    with pytest.raises(TrainingError, match=r"before training is not finite.* in 1 of 2 rows"):
        fit(flow, x, validation=np.array([[0.0, 0.0], [500.0, 0.0]]), key=key, **QUICK | {"max_epochs": 50})


def test_an_epoch_that_ends_worse_than_the_start_is_taken_back(flow, x, key):
    settings = QUICK | {"batch_size": 400, "learning_rate": 30.0, "schedule": "constant", "max_epochs": 8}
    result = fit(flow, x, key=key, **settings)
    assert "epoch 1: the loss rose to" in result.events[0]
    assert "went back to the start, learning rate now 15" in result.events[0]
    assert result.best_loss < result.start_loss


def test_a_flow_that_breaks_in_the_last_step_of_an_epoch_is_not_kept(key):
    x = np.full((399, 2), 2.0, np.float32)  # all batches have the same loss
    flow = Transformed(Normal.standard((2,)), Chain([FailsFarOut(), Shift(jnp.zeros(2))]))
    # Seven steps: the first breaks the flow, five are skipped, and after going back the last one breaks it again.
    settings = QUICK | {"batch_size": 57, "learning_rate": 1e4, "schedule": "constant", "max_epochs": 1}
    result = fit(flow, x, validation=None, key=key, **settings)
    assert any("step 6: the loss exploded or was not finite in 5 steps" in event for event in result.events)
    assert np.isfinite(result.flow.log_prob(x)).all()


def test_a_quiet_fit_has_nothing_to_report(flow, x, key):
    result = fit(flow, x, key=key, **QUICK)
    assert result.events == ()
    assert result.skipped_steps == 0
