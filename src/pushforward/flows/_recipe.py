"""What a recipe is, and how it is built quickly."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from pushforward._errors import as_key, given
from pushforward._types import Kind, Shape
from pushforward.distributions import AbstractDistribution

Build = Callable[..., AbstractDistribution]


@dataclass(frozen=True)
class Training:
    """How a flow is trained where the user does not say otherwise; the names and the defaults are those of `fit`."""

    learning_rate: float = 3e-3
    max_epochs: int = 100
    patience: int = 10
    ema: float | None = None
    weight_decay: float = 0.0


class Small(NamedTuple):
    """A size of a flow for a few CPU cores and minutes.

    Attributes:
        options: Of `build`.
        training: As `Recipe.training`.
        steps: Of training, at most; `fit` takes whole epochs of about as many.
        batch_size: Of these steps; with larger or smaller batches there are as many events to learn from.
    """

    options: Mapping[str, Any]
    training: Training
    steps: int
    batch_size: int = 64


@dataclass(frozen=True)
class Recipe:
    """A flow of the literature by name.

    Attributes:
        name: As given to `--flow` and `FlowDensity`.
        build: `build(dim, *, ..., cond_dim=None, key)`.
        summary: One line for the catalogue.
        reference: Authors and year.
        events: What it is a density of: numbers on a line, angles in radians, points of the sphere, or images, whose
            `build` takes the shape `(height, width, channels)` in place of `dim`, or sound, whose `build` takes the
            number of samples, `length`, or windows of `dim` series. Or what it gives probabilities of: whole numbers,
            or codes of categories from 0 on.
        objective: What the estimators make small, by its name in `objectives`.
        training: How the estimators and the command line train it by default.
        multiple: Of sound: from all options of `build` to what a length must be a multiple of (`multiple_of`).
        small: Of images: from their shape, and the options that are given, by name, to what fits a CPU, where the
            defaults of `build` are the paper's.
    """

    name: str
    build: Build
    summary: str
    reference: str
    events: Literal["line", "circle", "sphere", "image", "sound", "series", "integers", "categories"] = "line"
    objective: Literal["nll", "flow_matching", "elbo"] = "nll"
    training: Training = Training()
    multiple: Callable[[Mapping[str, Any]], int] | None = None
    small: Callable[..., Small] | None = None

    @property
    def conditional(self) -> bool:
        """Whether it can be conditional."""
        return "cond_dim" in inspect.signature(self.build).parameters

    @property
    def example(self) -> int | Shape:
        """A size that `build` takes."""
        return (8, 8, 1) if self.events == "image" else self.multiple_of() * 4 if self.events == "sound" else 3

    def multiple_of(self, options: Mapping[str, Any] | None = None) -> int:
        """What the length of a sound must be a multiple of, with these options of `build`; 1 where there is nothing."""
        if self.multiple is None:
            return 1
        return self.multiple(self.defaults | dict(options or {}))

    @property
    def defaults(self) -> dict[str, Any]:
        """What `build` takes where it is not told."""
        parameters = inspect.signature(self.build).parameters.items()
        return {name: p.default for name, p in parameters if p.default is not inspect.Parameter.empty}

    def kinds(self) -> tuple[Kind, Kind]:
        """How the density and a sample are computed: (density, sampling)."""
        return jax.eval_shape(lambda key: self.build(self.example, key=key), jax.random.key(0)).kinds

    def settings(self) -> dict[str, Any]:
        """What `fit --set` takes, with the defaults: the options of `build`, and `preset` where there is `small`."""
        parameters = inspect.signature(self.build).parameters
        preset = {"preset": "auto"} if self.small else {}
        return {name: parameters[name].default for name in self.options()} | preset

    def options(self) -> list[str]:
        """Names of the keyword arguments of `build`, but for `cond_dim` and `key`."""
        parameters = list(inspect.signature(self.build).parameters)[1:]
        return [name for name in parameters if name not in ("cond_dim", "key")]


def compiled(build: Build) -> Build:
    """Run a recipe under one `jit`: drawing initial weights one by one costs seconds at a cold start."""
    kinds = {name: parameter.annotation for name, parameter in inspect.signature(build).parameters.items()}
    names = [name for name in kinds if name != "key"]
    check = _check_shape if names[0] == "shape" else partial(_check_dim, size=names[0])
    drawn = jax.jit(build, static_argnames=names)

    @wraps(build)
    def run(*args, key=None, **kwargs) -> AbstractDistribution:
        check(build.__name__, args[0] if args else kwargs.get(names[0]))
        key = as_key(build.__name__, key)
        options = {name: _hashable(value) for name, value in kwargs.items()}
        _check_whole(build.__name__, {name: value for name, value in options.items() if kinds.get(name) in WHOLE})
        return drawn(*map(_hashable, args), key=key, **options)

    return run


WHOLE = (int, int | None)


def _check_whole(name: str, options: dict[str, Any]) -> None:
    for option, value in options.items():
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise ValueError(f"{name}: `{option}` must be a whole number, got {value!r}.")
    if options.get("cond_dim") is not None and options["cond_dim"] < 1:
        raise ValueError(f"{name}: `cond_dim` must be at least 1, or None for no condition, got {options['cond_dim']}.")


def _check_dim(name: str, dim: Any, *, size: str = "dim") -> None:
    if not isinstance(dim, int | np.integer) or isinstance(dim, bool) or dim < 1:
        raise ValueError(f"{name}: `{size}` must be a whole number from 1 on, got {given(dim)}.")


def _check_shape(name: str, shape: Any) -> None:
    sizes = _hashable(shape)
    if not isinstance(sizes, tuple) or len(sizes) != 3 or not all(isinstance(n, int) and n >= 1 for n in sizes):
        raise ValueError(f"{name}: `shape` must be (height, width, channels), three whole numbers, got {given(shape)}.")


def _hashable(value: Any) -> Any:
    """Lists and arrays, NumPy's and JAX's, as tuples and numbers, which `jit` takes as plain data."""
    value = value.tolist() if isinstance(value, np.ndarray | np.generic | jax.Array) else value
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value
