"""What a recipe is, and how it is built quickly."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal

import jax
import numpy as np

from pushforward._types import Kind
from pushforward.distributions import AbstractDistribution

Build = Callable[..., AbstractDistribution]


@dataclass(frozen=True)
class Recipe:
    """A flow of the literature by name.

    Attributes:
        name: As given to `--flow` and `FlowDensity`.
        build: `build(dim, *, ..., cond_dim=None, key)`.
        summary: One line for the catalogue.
        reference: Authors and year.
        events: What it is a density of: numbers on a line, angles in radians, or points of the sphere.
        objective: What the estimators make small, by its name in `objectives`.
    """

    name: str
    build: Build
    summary: str
    reference: str
    events: Literal["line", "circle", "sphere"] = "line"
    objective: Literal["nll", "flow_matching"] = "nll"

    @property
    def conditional(self) -> bool:
        """Whether it can be conditional."""
        return "cond_dim" in inspect.signature(self.build).parameters

    def kinds(self) -> tuple[Kind, Kind]:
        """How the density and a sample are computed: (density, sampling)."""
        flow = jax.eval_shape(lambda key: self.build(3, key=key), jax.random.key(0))
        bijection = getattr(flow, "bijection", None)
        if bijection is None:
            return "analytic", "sequential"
        return bijection.inverse_kind, bijection.forward_kind

    def options(self) -> list[str]:
        """Names of the keyword arguments of `build`, but for `cond_dim` and `key`."""
        parameters = list(inspect.signature(self.build).parameters)[1:]
        return [name for name in parameters if name not in ("cond_dim", "key")]


def compiled(build: Build) -> Build:
    """Run a recipe under one `jit`: drawing initial weights one by one costs seconds at a cold start."""
    names = [name for name in inspect.signature(build).parameters if name != "key"]
    drawn = jax.jit(build, static_argnames=names)

    @wraps(build)
    def run(*args, key, **kwargs) -> AbstractDistribution:
        dim = args[0] if args else kwargs.get("dim")
        if not isinstance(dim, int) or dim < 1:
            raise ValueError(f"{build.__name__}: `dim` must be a whole number from 1 on, got {dim!r}.")
        return drawn(*args, key=key, **{name: _hashable(value) for name, value in kwargs.items()})

    return run


def _hashable(value: Any) -> Any:
    """Lists and arrays as tuples, which `jit` takes as plain data."""
    value = value.tolist() if isinstance(value, np.ndarray) else value
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value
