"""Networks as a user writes them, in Equinox and for one event."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np


class Masked(eqx.Module):
    """An autoregressive network with one hidden layer, `(dim + cond,) -> (num_params, dim)`; `leak` breaks it."""

    first: jax.Array
    second: jax.Array
    masks: tuple[np.ndarray, np.ndarray]
    leak: float = eqx.field(static=True, default=0.0)

    def __init__(self, dim, num_params, *, width=12, cond_dim=0, leak=0.0, key):
        one, two = jax.random.split(key)
        self.first = jax.random.normal(one, (width, dim + cond_dim)) / np.sqrt(dim + cond_dim)
        self.second = jax.random.normal(two, (num_params, dim, width)) / np.sqrt(width)
        degrees = np.arange(width) % max(dim, 1)
        sees = np.concatenate([degrees[:, None] > np.arange(dim), np.ones((width, cond_dim), bool)], axis=1)
        told = np.broadcast_to(np.arange(dim)[:, None] >= degrees, (num_params, dim, width)).copy()
        self.masks, self.leak = (sees, told), leak

    def __call__(self, x):
        h = jnp.tanh(jnp.where(self.masks[0], self.first, 0.0) @ x)
        out = jnp.where(self.masks[1], self.second, 0.0) @ h
        return out + self.leak * x[out.shape[1] - 1]


class Pixels(eqx.Module):
    """A convolution on `(height, width, channels)`, as a coupling of images shows them."""

    conv: eqx.nn.Conv2d
    told: eqx.nn.Linear | None
    num_params: int = eqx.field(static=True)

    def __init__(self, channels, num_params, moved, *, cond_dim=None, key):
        self.conv = eqx.nn.Conv2d(channels, num_params * moved, 3, padding=1, key=key)
        self.told = None if cond_dim is None else eqx.nn.Linear(cond_dim, num_params * moved, key=key)
        self.num_params = num_params

    def __call__(self, x, condition=None):
        out = self.conv(jnp.moveaxis(x, -1, 0))
        if condition is not None and self.told is not None:
            out = out + self.told(condition)[:, None, None]
        return jnp.moveaxis(out.reshape(self.num_params, -1, *out.shape[1:]), 1, -1)


class Settings(eqx.Module):
    """All kinds of fields that a network may have."""

    weights: dict[str, jax.Array]
    layers: list[eqx.nn.Linear]
    rate: float
    inference: bool
    places: np.ndarray
    last: object
    act: object = jax.nn.relu
    name: str = eqx.field(static=True, default="plain")

    def __init__(self, key):
        self.weights = {"up": jax.random.normal(key, (2, 2)), "down": jnp.ones(2)}
        self.layers = [eqx.nn.Linear(2, 4, key=key)]
        self.rate, self.inference, self.places = 0.5, True, np.array([1, 0])
        self.last = jnp.tanh

    def __call__(self, x):
        h = self.act(self.weights["up"] @ x[self.places]) * self.rate + self.weights["down"]
        return self.last(self.layers[0](h))
