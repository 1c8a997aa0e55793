"""Fitting, whatever the data are: the modality prepares, `train.fit` trains."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pushforward._errors import DataError
from pushforward.distributions import AbstractDistribution
from pushforward.flows import RECIPES, Training
from pushforward.modalities._base import Modality
from pushforward.modalities._model import Model
from pushforward.modalities._settings import Settings
from pushforward.objectives import Batch, Objective
from pushforward.train import Callback, EpochInfo, FitResult, fit
from pushforward.train._inputs import split_rows
from pushforward.train._weights import checked_weights, shared_out


def identity(flow: AbstractDistribution) -> AbstractDistribution:
    """The flow as it is."""
    return flow


class Prepared(NamedTuple):
    """What a modality makes of its data.

    Attributes:
        flow: The untrained flow.
        x: `(rows, *event_shape)`, as the flow sees them, or what `fit` reads them from.
        condition: `(rows, *cond_shape)`, or None.
        weights: `(rows,)`, or None.
        objective: What training makes small.
        facts: What the model needs beside the flow; `facts.to_json()` is plain data.
        data: What was prepared, for an estimator that wants to look at it.
        log_det: `(rows,)`, of the step from the user's units to `x`; None where there is none.
        finish: From the flow as it is trained to the one in the user's units.
        settings: Those that were decided by the data; None where nothing was left open.
        closed: The model where it has a closed form, so that there is nothing to train.
        judge: From the fitted model, and what it was fitted to, to the one that is kept.
        held_out: Numbers of the rows that are held out, and their weights or None; by default as `fit` splits arrays.
        learn: In place of `fitted`, where training is more than one fit.
        again: The untrained flow with first weights from another key; None where nobody asks.
        training: Arguments of `fit` where neither the user nor the recipe says them.
    """

    flow: AbstractDistribution
    x: Any
    condition: Any
    weights: Any
    objective: Objective
    facts: Any
    data: Any = None
    log_det: Any = None
    finish: Callable[[AbstractDistribution], AbstractDistribution] = identity
    settings: Settings | None = None
    closed: Model | None = None
    judge: "Judge | None" = None
    held_out: "Callable[[Prepared], HeldOut] | None" = None
    learn: "Learn | None" = None
    again: Callable[[jax.Array], AbstractDistribution] | None = None
    training: Mapping[str, Any] = MappingProxyType({})


Judge = Callable[[Model, Prepared], Model]
"""From the fitted model, and what it was fitted to, to the one that is kept."""


Learn = Callable[[Prepared, Settings, jax.Array], tuple[FitResult, Prepared]]
"""From what is prepared, the settings and the key of the fit to its result, and to what was fitted to in the end."""


class HeldOut(NamedTuple):
    """Which rows a fit holds out.

    Attributes:
        train: Numbers of the rows that it learns from.
        rows: Numbers of those that it holds out; one of great weight may be in both.
        weights: Of those, or None.
    """

    train: np.ndarray
    rows: np.ndarray
    weights: np.ndarray | None


def prepared(modality: Modality, data: Any, settings: Settings) -> tuple[Prepared, jax.Array]:
    """What is to be trained, and the key for it.

    Raises:
        ValueError: If the data, the flow or a setting cannot be used.
    """
    if settings.resume and not isinstance(settings.random_state, int | np.integer):
        raise ValueError("`resume=True` needs a whole number as `random_state`, or the fit begins differently.")
    build_key, fit_key = jax.random.split(key_from(settings.random_state))
    ready = modality.prepare(data, settings, build_key)
    held_out = ready.held_out or partial(_held_out, settings.validation, fit_key)
    return ready._replace(held_out=held_out), fit_key


def _held_out(validation: float | None, key: jax.Array, ready: Prepared) -> HeldOut:
    """The split that `fit` makes with this key."""
    train, rows = split_rows(key, Batch(ready.x, weights=ready.weights), validation or 0.0)
    if ready.weights is None:
        return HeldOut(train, rows, None)
    split = shared_out(key, checked_weights(ready.weights, len(ready.x), "fit"), train, rows)
    return HeldOut(np.unique(split.train), split.held_out, split.held_out_weights[split.held_out])


def trained(modality: Modality, ready: Prepared, settings: Settings, key: jax.Array) -> Model:
    """The fitted model."""
    if ready.closed is not None:
        return ready.closed
    settings = ready.settings or settings
    result, ready = (ready.learn or _once)(ready, settings, key)
    result = dataclasses.replace(result, flow=ready.finish(result.flow))
    model = Model(modality.name, result.flow, ready.facts, plain(settings), result)
    return model if ready.judge is None else ready.judge(model, ready)


def _once(ready: Prepared, settings: Settings, key: jax.Array) -> tuple[FitResult, Prepared]:
    return fitted(ready, settings, key, settings.validation), ready


def fitted(ready: Prepared, settings: Settings, key: jax.Array, validation: Any) -> FitResult:
    """The flow as it is trained, of one fit.

    Args:
        ready: What is fitted to.
        settings: Of the fit.
        key: Of the fit.
        validation: As of `fit`.
    """
    return fit(
        ready.flow,
        ready.x,
        condition=ready.condition,
        weights=ready.weights,
        log_det=ready.log_det,
        objective=ready.objective,
        **training_of(settings, ready.training),
        batch_size=settings.batch_size,
        validation=validation,
        checkpoint=settings.checkpoint,
        resume=settings.resume,
        callbacks=tuple(_finished(callback, ready.finish) for callback in settings.callbacks),
        progress=settings.progress,
        key=key,
    )


def _finished(callback: Callback, finish: Callable[[AbstractDistribution], AbstractDistribution]) -> Callback:
    """The callback, told of flows in the user's units."""

    def told(info: EpochInfo) -> bool | None:
        now, best = info.current_flow, info.best_flow
        return callback(dataclasses.replace(info, current_flow=lambda: finish(now()), best_flow=lambda: finish(best())))

    return told


def plain(settings: Settings) -> dict[str, Any]:
    """The settings by name."""
    return {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}


def key_from(random_state: Any) -> jax.Array:
    """A JAX key from a seed, a NumPy `RandomState`, or None for NumPy's global one.

    Raises:
        DataError: If it is none of these.
    """
    if random_state is None or random_state is np.random:
        state = np.random.mtrand._rand  # pyright: ignore[reportAttributeAccessIssue]: NumPy's own name for it
    elif isinstance(random_state, np.random.RandomState):
        state = random_state
    elif isinstance(random_state, int | np.integer) and 0 <= random_state < 2**32:
        state = np.random.RandomState(random_state)
    else:
        raise DataError(
            f"random_state must be a seed, a numpy.random.RandomState or None, got {random_state!r}.",
            "a whole number from 0 to 2**32 - 1 makes the same draws every time",
        )
    return jax.random.key(int(state.randint(2**31 - 1)))


def training_of(settings: Settings, usual: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """Arguments of `fit`: what is given, else the recipe's own, else what is usual."""
    recipe = RECIPES[settings.flow].training if isinstance(settings.flow, str) else Training()
    given = plain(settings)
    chosen = {
        name: next((value for value in (given[name], own) if value is not None), usual.get(name))
        for name, own in dataclasses.asdict(recipe).items()
    }
    return chosen | {"ema": chosen["ema"] or None}


def on_device(values: np.ndarray) -> jax.Array:
    """The values in JAX's precision; unlike `jnp.asarray`, which holds two copies for a moment, with one copy."""
    return jax.device_put(np.asarray(values, dtype=jnp.result_type(float)))
