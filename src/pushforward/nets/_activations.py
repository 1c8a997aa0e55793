"""Activations by name, and the functions that a file can name."""

import inspect
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from pushforward._errors import did_you_mean
from pushforward._types import Activation


def _elu(x: Array) -> Array:
    """Not by `expm1`, which takes twice as long on a CPU: an activation needs no relative precision at 0."""
    return jnp.maximum(x, 0.0) + jnp.exp(jnp.minimum(x, 0.0)) - 1.0


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "celu": jax.nn.celu,
    "elu": _elu,
    "gelu": jax.nn.gelu,
    "hard_tanh": jax.nn.hard_tanh,
    "leaky_relu": jax.nn.leaky_relu,
    "mish": jax.nn.mish,
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "selu": jax.nn.selu,
    "sigmoid": jax.nn.sigmoid,
    "silu": jax.nn.silu,
    "sin": jnp.sin,
    "soft_sign": jax.nn.soft_sign,
    "softplus": jax.nn.softplus,
    "squareplus": jax.nn.squareplus,
    "tanh": jnp.tanh,
}


def activation_name(name: str, activation: Activation) -> str:
    """The name in `ACTIVATIONS` of an activation, given by that name or as the function of JAX.

    Raises:
        ValueError: If it is unknown; the message names the legal ones.
    """
    found = as_name(name, activation)
    if found not in ACTIVATIONS:
        raise ValueError(f"{name}: unknown activation {found!r}; {did_you_mean(found, ACTIVATIONS)}.")
    return found


def as_name(name: str, activation: Activation) -> str:
    """A name as it is, and that of a function of JAX.

    Raises:
        ValueError: If it is another function, which no file can name.
    """
    if isinstance(activation, str):
        return activation
    known = function_name(activation)
    if known is None:
        raise ValueError(
            f"{name}: `activation` is a name, or a function of JAX that has one ({', '.join(ACTIVATIONS)}), so that a "
            f"file can hold it; got {_described(activation)}. Give a network of your own as `net=` for any other."
        )
    return known.rpartition(".")[2]


_OF_NN = (
    "celu elu gelu glu hard_sigmoid hard_silu hard_tanh identity leaky_relu log_sigmoid log_softmax mish relu relu6 "
    "selu sigmoid silu soft_sign softmax softplus sparse_plus sparse_sigmoid squareplus standardize tanh"
)
_OF_NUMPY = (
    "abs arcsinh arctan cos exp expm1 log log1p max maximum mean min minimum ravel sin sinh sqrt square sum tanh "
    "transpose"
)
_OF_LAX = "add max min mul logistic tanh"


def _named() -> dict[str, Any]:
    found = {f"jax.nn.{name}": getattr(jax.nn, name, None) for name in _OF_NN.split()}
    found |= {f"jax.numpy.{name}": getattr(jnp, name) for name in _OF_NUMPY.split()}
    found |= {f"jax.lax.{name}": getattr(jax.lax, name) for name in _OF_LAX.split()}
    # The identity that `equinox.nn.MLP` has behind its last layer has no name of its own.
    found["equinox.identity"] = inspect.signature(eqx.nn.MLP.__init__).parameters["final_activation"].default
    return {name: function for name, function in found.items() if function is not None}


FUNCTIONS: dict[str, Any] = _named()
"""Functions that a network may hold: a file holds their names, and finds them in this table alone."""


def function_name(function: Any) -> str | None:
    """The name of a function in `FUNCTIONS`, None for others."""
    return next((name for name, known in FUNCTIONS.items() if known is function), None)


def _described(value: Any) -> str:
    return f"the function `{value.__name__}`" if inspect.isfunction(value) else f"a {type(value).__name__}"
