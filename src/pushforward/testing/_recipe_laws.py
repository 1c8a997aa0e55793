"""The laws of recipes; each states a fact and yields where it does not hold."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from pushforward._types import Shape
from pushforward.distributions import AbstractDistribution
from pushforward.objectives import Objective, nll
from pushforward.testing._law import Failure, Law, listed, worst
from pushforward.train import fit

Size = int | Shape
ROWS, EPOCHS, BATCH_SIZE = 512, 5, 64
LEARNS = "It builds and has finite gradients, but they do not lead down: parameters that are buffers, or a wrong loss."


@dataclass(frozen=True)
class RecipeSubject:
    """A recipe with what the laws need to know of it; see `check_recipe`."""

    name: str
    build: Callable[..., AbstractDistribution]
    dims: tuple[Size, ...] = (1, 2, 5)
    cond_dim: int = 2
    options: Mapping[str, Any] = field(default_factory=dict)
    data: np.ndarray | None = None
    events: str = "line"
    objective: Objective = nll
    learning_rate: float = 3e-3

    @property
    def parameters(self) -> list[inspect.Parameter]:
        return list(inspect.signature(self.build).parameters.values())

    @property
    def conditional(self) -> bool:
        """Whether it can be conditional."""
        return any(p.name == "cond_dim" for p in self.parameters)

    @property
    def middle(self) -> Size:
        """The size that is built conditionally and trained."""
        return self.dims[min(1, len(self.dims) - 1)]

    def flow(self, dim: Size, cond_dim: int | None = None) -> AbstractDistribution:
        """As a user builds it."""
        given = dict(self.options) if cond_dim is None else {**self.options, "cond_dim": cond_dim}
        return self.build(dim, **given, key=jax.random.key(7))


def options_are_named_one_by_one(subject: RecipeSubject) -> Iterator[Failure]:
    """`recipe(dim, *, ..., key)`: all options by name with a default, `key` last without one, no `**kwargs`."""
    parameters = subject.parameters
    cause = "Write `def recipe(dim: int, *, option: int = 5, cond_dim: int | None = None, key: PRNGKeyArray)`."
    wanted = "recipe(dim, *, option=..., key)"
    where = f"{subject.name}{inspect.signature(subject.build)}"[:200]
    if not parameters or parameters[-1].name != "key" or parameters[-1].default is not inspect.Parameter.empty:
        yield Failure(where, "`key` is not the last, or has a default", wanted, cause)
    for parameter in parameters[1:]:
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            yield Failure(where, f"`{parameter}` is not by name only", wanted, cause)
        elif parameter.name != "key" and parameter.default is inspect.Parameter.empty:
            yield Failure(where, f"`{parameter.name}` has no default", wanted, cause)


def it_builds_at_every_size(subject: RecipeSubject) -> Iterator[Failure]:
    """A distribution over events of the size, conditional where it is asked to be."""
    cause = "The event is `dim` numbers, and the condition `cond_dim`; nothing else fixes their sizes."
    for dim in subject.dims:
        flow, shape = subject.flow(dim), (dim,) if isinstance(dim, int) else dim
        if not isinstance(flow, AbstractDistribution):
            yield Failure(f"dim={dim}", type(flow).__name__, "an AbstractDistribution, such as a Transformed", cause)
        elif flow.event_shape != shape or flow.cond_shape is not None:
            found = f"event_shape={flow.event_shape}, cond_shape={flow.cond_shape}"
            yield Failure(f"dim={dim}", found, f"event_shape={shape}, cond_shape=None", cause)
    if subject.conditional:
        shape = subject.flow(subject.middle, subject.cond_dim).cond_shape
        if shape != (subject.cond_dim,):
            where = f"dim={subject.middle}, cond_dim={subject.cond_dim}"
            yield Failure(where, f"cond_shape={shape}", f"cond_shape=({subject.cond_dim},)", cause)


def wrong_options_are_refused_in_words(subject: RecipeSubject) -> Iterator[Failure]:
    """A ValueError for a size that is none, a TypeError for an option that is not there."""
    cause = "Decorate the recipe with `flows.compiled`, which checks sizes and whole numbers, or check them yourself."
    key, options = jax.random.key(7), dict(subject.options)
    wrong: list[tuple[Any, dict[str, Any]]] = [(size, {}) for size in (0, 2.5, "three", True)]
    if subject.conditional:
        wrong.append((subject.middle, {"cond_dim": 0}))
    for size, extra in wrong:
        where = f"{subject.name}({size!r}{''.join(f', {k}={v}' for k, v in extra.items())})"
        try:
            subject.build(size, **{**options, **extra}, key=key)
        except ValueError as error:
            if len(str(error).split()) < 4:
                yield Failure(where, f"ValueError: {error}", "a ValueError that says what was wanted", cause)
        except Exception as error:
            yield Failure(where, f"{type(error).__name__}: {error}"[:200], "a ValueError in words", cause)
        else:
            yield Failure(where, "no error", "a ValueError in words", cause)


def it_builds_under_jit(subject: RecipeSubject) -> Iterator[Failure]:
    """With the key traced, to the same weights; twice with one key, to the same bits."""
    first, again = subject.flow(subject.middle), subject.flow(subject.middle)
    traced = jax.jit(lambda key: subject.build(subject.middle, **subject.options, key=key))(jax.random.key(7))
    cause = "Weights come from NumPy, or from something else than `key`."
    if jax.tree.structure(first) != jax.tree.structure(traced):
        yield Failure("jax.jit(recipe)", f"{traced}"[:200], f"{first}"[:200], cause)
        return
    for a, b, c in zip(*map(jax.tree.leaves, (first, again, traced)), strict=True):
        if not np.array_equal(np.asarray(a), np.asarray(b), equal_nan=True):
            yield Failure("built twice with one key", listed(np.asarray(b)), listed(np.asarray(a)), cause)
        found, wanted = np.atleast_1d(np.asarray(c)), np.atleast_1d(np.asarray(a))
        yield from worst(found, wanted, 1e-5, lambda _: "jax.jit(recipe)", cause)


def it_learns_from_data(subject: RecipeSubject) -> Iterator[Failure]:
    """A few epochs make the loss on held-out rows smaller, and no step is skipped."""
    if subject.data is None and subject.events not in ("line", "circle"):
        return
    cond_dim = subject.cond_dim if subject.conditional else None
    dim = subject.middle
    rng = np.random.default_rng(7)
    condition = None if cond_dim is None else rng.standard_normal((ROWS, cond_dim)).astype(np.float32)
    x = _data(dim, condition, subject.events, rng) if subject.data is None else subject.data
    result = fit(
        subject.flow(dim, cond_dim if subject.data is None else None),
        x,
        condition=condition if subject.data is None else None,
        objective=subject.objective,
        learning_rate=subject.learning_rate,
        batch_size=BATCH_SIZE,
        max_epochs=EPOCHS,
        progress=False,
        key=jax.random.key(7),
    )
    where = f"dim={dim}, {len(x)} rows, {EPOCHS} epochs"
    if not result.best_loss < result.start_loss:
        yield Failure(where, f"loss {result.best_loss:.4g}", f"below {result.start_loss:.4g}, as it began", LEARNS)
    if result.skipped_steps:
        found = f"{result.skipped_steps} steps skipped; {' '.join(result.events)}"[:200]
        yield Failure(where, found, "every step taken", "Losses or gradients that are not finite.")


def _data(dim: Size, condition: np.ndarray | None, events: str, rng: np.random.Generator) -> np.ndarray:
    """Correlated normal columns away from 0, moved by the condition."""
    assert isinstance(dim, int)
    x = 0.5 + rng.standard_normal((ROWS, dim)) @ (0.5 * np.eye(dim) + 0.3)
    x = x if condition is None else x + condition[:, :1]
    return (np.pi * np.tanh(x) if events == "circle" else x).astype(np.float32)


RECIPE_LAWS: tuple[Law[RecipeSubject], ...] = (
    options_are_named_one_by_one,
    it_builds_at_every_size,
    wrong_options_are_refused_in_words,
    it_builds_under_jit,
    it_learns_from_data,
)
