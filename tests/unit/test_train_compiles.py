"""What is compiled once and for all: a second table of another length needs nothing new."""

import contextlib
from collections.abc import Iterator

import jax
import numpy as np
import pytest

import pushforward as pf
from pushforward._types import starts_from_data
from pushforward.flows import RECIPES
from pushforward.objectives import Batch
from pushforward.train._batches import ROOM, RowSource, gathered

COMPILED = "/jax/core/compile/backend_compile_duration"


HEARD: list[str] = []


def _listen(event: str, duration_secs: float, **_: str | int) -> None:
    if event == COMPILED:
        HEARD.append(event)


jax.monitoring.register_event_duration_secs_listener(_listen)  # for good: older versions of JAX cannot forget one


@contextlib.contextmanager
def compilations() -> Iterator[list[str]]:
    """What is compiled inside."""
    HEARD.clear()
    yield HEARD


def table(rows: int) -> np.ndarray:
    return np.random.default_rng(rows).normal(size=(rows, 3)) @ np.array([[1, 0.5, 0], [0, 1, 0.2], [0, 0, 1]])


@pytest.mark.parametrize("flow", ["nsf", "maf", "affine"])
def test_a_second_table_of_another_length_compiles_nothing(flow):
    def fitted(rows: int) -> np.ndarray:
        density = pf.FlowDensity(flow, options={"num_layers": 2}, max_epochs=2, random_state=0)
        if flow == "affine":
            density = pf.FlowDensity(flow, max_epochs=2, random_state=0)
        return density.fit(table(rows)).score_samples(table(rows + 5))

    with compilations() as found:
        fitted(500)
    assert found
    with compilations() as found:
        fitted(700)
    assert not found


def test_a_second_table_with_a_condition_or_weights_compiles_nothing():
    def fitted(rows: int) -> None:
        x = table(rows)
        flow = pf.flows.affine(2, cond_dim=1, width=4, key=jax.random.key(0))
        given = {"max_epochs": 1, "progress": False, "key": jax.random.key(1)}
        pf.fit(flow, x[:, :2], condition=x[:, 2:], weights=np.arange(1, rows + 1), **given)
        pf.fit(flow, x[:, :2], condition=x[:, 2:], validation=None, batch_size=32, **given)

    fitted(500)
    with compilations() as found:
        fitted(700)
    assert not found


def test_rows_that_only_make_room_are_never_taken(key):
    source = RowSource(Batch(np.ones((70, 2), np.float32)), np.arange(70), 32)
    feed = source.feed(key, 0)
    assert len(feed.arrays[0].x) == ROOM
    taken = [source.take(feed.arrays, key, index) for index in range(source.steps_per_epoch)]
    assert all((np.asarray(batch.x) == 1).all() for batch in taken)
    assert len(np.unique(np.asarray(feed.arrays[1])[:64])) == 64


def test_large_rows_get_no_room(key):
    wide = Batch(np.ones((70, 2**16), np.float32))
    assert RowSource(wide, np.arange(70), 32).feed(key, 0).arrays[0].x.shape == wide.x.shape


def test_rows_are_gathered_in_the_order_that_was_asked_for():
    data = Batch(jax.numpy.arange(10.0)[:, None], jax.numpy.arange(10, dtype="uint8")[:, None])
    taken = gathered(data, np.array([7, 2, 2, 9]))
    assert taken.x.ravel().tolist() == [7, 2, 2, 9]
    assert np.asarray(taken.condition).dtype == np.uint8


@pytest.mark.parametrize("recipe", [name for name, recipe in RECIPES.items() if recipe.events == "line"])
def test_a_flow_that_starts_from_data_is_known_by_its_parts(recipe):
    flow = RECIPES[recipe].build(3, key=jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (64, 3)) * 2 + 1
    begun = flow._data_init(x.T, None)
    same = all(map(np.array_equal, jax.tree.leaves(flow), jax.tree.leaves(begun)))
    assert starts_from_data(flow) or same
    # It may say so of parts that are there and start as they were, but not of the flows that are fitted most.
    assert recipe not in ("maf", "nsf", "nsf-ar", "realnvp") or starts_from_data(flow) != same
