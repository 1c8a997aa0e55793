"""From rows to what a private fit needs: nothing of them but their noisy gradients reaches the model."""

import secrets
import warnings
from dataclasses import fields, replace
from typing import Any

import jax
import jax.numpy as jnp

from pushforward._errors import DataError, UsageError
from pushforward.modalities._events import by_name, on_sphere, takes_binary
from pushforward.modalities._learn import Prepared, training_of
from pushforward.modalities._settings import Settings
from pushforward.modalities.table._facts import TableFacts
from pushforward.modalities.table._flow import build_flow, objective_of, stands_alone
from pushforward.modalities.table._prepare import in_standard_units
from pushforward.modalities.table._rows import Rows
from pushforward.modalities.table._settings import AUTO, TableSettings
from pushforward.modalities.table.private._declared import OF_ALL, OF_WEIGHT, declared_schema, refused, stand_in, within
from pushforward.train import FitResult, Privacy, fit
from pushforward.train.private._fit import refuse_start

EPOCHS = 30
"""Passes through the data where nothing is said: each costs noise."""
USUAL_SHARE = 0.1
"""The share of rows that other fits hold out; it is what stands there where nothing was said."""


def privacy_of(settings: TableSettings) -> Privacy:
    """What is promised.

    Raises:
        UsageError: If a number is out of its range.
    """
    assert settings.epsilon is not None
    return Privacy(epsilon=settings.epsilon, delta=settings.delta, clip_norm=settings.clip_norm)


def prepare_private(rows: Rows, settings: TableSettings, key: jax.Array) -> Prepared:
    """What training needs of rows whose columns are declared.

    Raises:
        ValueError: If a column is not declared, or the flow or a setting cannot be used.
    """
    check_settings(rows, settings)
    bounds, categories = settings.bounds or {}, settings.categories or {}
    schema = rows.schema or declared_schema(rows.x, settings.columns, bounds, categories)
    flow = build_flow(settings.flow, by_name(settings.options), schema, None, key)
    if takes_binary(flow) or on_sphere(flow):
        raise DataError(f"flow={settings.flow!r} looks at the values of its columns.", "choose 'nsf' or 'maf'")
    refuse_start(flow)
    x, kept = within(rows.x, schema, bounds)
    left_out = int((~kept).sum())
    if left_out:
        warnings.warn(
            f"{left_out:,} row{'s' * (left_out != 1)} with a category that is not declared left out.", stacklevel=2
        )
    units = None if stands_alone(flow) else schema.units(stand_in(schema, bounds))
    facts = TableFacts(schema, None, rows.named, units)
    ready = in_standard_units(flow, rows._replace(x=x), facts, objective_of(settings.flow, schema))
    # The seed is not kept: it says where the flow began, and nothing may hint at the noise.
    settings = replace(settings, random_state=None, max_epochs=settings.max_epochs or EPOCHS, background=False)
    return ready._replace(settings=settings, learn=learned_privately)


def learned_privately(ready: Prepared, settings: Settings, key: jax.Array) -> tuple[FitResult, Prepared]:
    """One private fit, whose rows and noise are drawn by a key that nobody knows, not by the seed."""
    assert isinstance(settings, TableSettings)
    del key
    words = jnp.asarray([secrets.randbits(32) for _ in range(2)], jnp.uint32)
    result = fit(
        ready.flow,
        ready.x,
        log_det=ready.log_det,
        objective=ready.objective,
        privacy=privacy_of(settings),
        **training_of(settings),
        batch_size=settings.batch_size,
        validation=None,
        callbacks=tuple(settings.callbacks),
        progress=settings.progress,
        key=jax.random.wrap_key_data(words),
    )
    return result, ready._replace(facts=replace(ready.facts, privacy=result.spent))


def refuse_private(settings: TableSettings) -> None:
    """A UsageError for a setting of private fits where the fit is none."""
    for field in fields(TableSettings):
        value = getattr(settings, field.name)
        if field.name in OF_PRIVATE and value != field.default and value not in (None, {}):
            raise not_private(field.name)


def not_private(name: str) -> UsageError:
    """The error for such a setting."""
    return UsageError(
        f"`{name}` (`--{name.replace('_', '-')}`) is for private fits.",
        "give `epsilon` (`--epsilon`) too, or leave it out",
    )


OF_PRIVATE = ("delta", "clip_norm", "bounds", "categories")


def check_settings(rows: Rows, settings: TableSettings) -> None:
    """A UsageError for settings that a private fit cannot have."""
    privacy_of(settings)
    settled: dict[str, tuple[Any, str]] = {
        "condition": (rows.condition is not None, OF_ALL),
        "weights": (rows.weights is not None, OF_WEIGHT),
        "patience": (settings.patience is not None, "nothing is held out, so give the number of epochs"),
        "validation": (settings.validation not in (None, 0, USUAL_SHARE), "nothing is held out"),
        "resume": (settings.resume, "begin again: a checkpoint would hold the noise"),
        "checkpoint": (settings.checkpoint is not None, "it would hold the noise"),
        "background": (bool(settings.background), "its Gaussians are fitted to the rows"),
        "ensemble": (settings.ensemble != 1, "each flow would cost as much again"),
        "incomplete": (settings.incomplete, "give whole rows"),
        "flow=auto": (settings.flow == AUTO, "flows would be compared on the rows: name one"),
    }
    for name, (given, why) in settled.items():
        if given:
            raise refused(name, why)
