"""The laws of every part, map or distribution: its leaves, its shapes, its file."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from pushforward import io
from pushforward._errors import FileError
from pushforward._params import trainable_mask
from pushforward._types import KINDS, Part
from pushforward.testing._law import Failure

T = TypeVar("T")

FAR = 1e4
"""How far out densities and gradients must be finite, in units of the data's scale."""


def perturb(tree: T, size: float = 0.4, seed: int = 7) -> T:
    """The same part with normal noise on every trained leaf, smaller for matrices by their fan-in.

    Layers start as the identity, where many a wrong law holds.

    Args:
        tree: Any part.
        size: Standard deviation of the noise on a vector; a matrix gets it divided by the square root of its last axis.
        seed: Of NumPy's generator.

    Example:
        >>> layer = perturb(Affine(0.0, 1.0))
        >>> layer.loc.item() != 0
        True
    """
    rng = np.random.default_rng(seed)

    def moved(leaf, is_trained):
        if not is_trained:
            return leaf
        spread = size / (max(leaf.shape[-1], 1) ** 0.5 if leaf.ndim >= 2 else 1.0)
        return leaf + np.asarray(spread * rng.standard_normal(leaf.shape), leaf.dtype)

    return jax.tree.map(moved, tree, trainable_mask(tree))


def cast(tree: T, dtype: str) -> T:
    """The same part with its floating-point leaves in `dtype`; 64 bits must be on for float64."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype) if eqx.is_inexact_array_like(leaf) else leaf, tree)


def every_leaf_is_an_array_of_floats(part: Part) -> Iterator[Failure]:
    """So that `jax.jit`, `jax.grad`, `jax.vmap` and `jax.lax.scan` take it as it is."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(part):
        if not eqx.is_inexact_array(leaf):
            what = f"an array of {leaf.dtype}" if eqx.is_array(leaf) else f"{type(leaf).__name__}, {leaf!r:.60}"
            yield Failure(
                f"`{jax.tree_util.keystr(path).lstrip('.')}`",
                what,
                "an array of floats",
                "Make it a `jnp.asarray(..., dtype=float)` in `__init__`, or plain data: "
                "`eqx.field(static=True)` on the field.",
            )


_SHAPES = ("in_shape", "out_shape", "event_shape", "cond_shape")


def shapes_are_plain_data(part: Part) -> Iterator[Failure]:
    """They stay when the leaves get a batch axis, as in a scan over layers."""
    stacked = jax.tree.map(lambda leaf: leaf[None] if eqx.is_array(leaf) else leaf, part)
    for name in _SHAPES:
        if name not in dir(type(part)):
            continue
        shape, again = getattr(part, name), getattr(stacked, name)
        where = f"`{name}`"
        if shape is None and name == "cond_shape":
            continue
        if type(shape) is not tuple or not all(type(size) is int for size in shape):
            yield Failure(where, f"{shape!r}", "a tuple of Python's whole numbers", "Convert it in `__init__`.")
        elif shape != again:
            yield Failure(
                f"{where} of the part with one more axis on its leaves, as `Scan` and `jax.vmap` see it",
                f"{again}",
                f"{shape}",
                "It is read off an array when it is asked for: keep it in a field of its own, "
                "`shape: tuple[int, ...] = eqx.field(static=True)`.",
            )


def a_reload_is_bit_equal(part: Part) -> Iterator[Failure]:
    """What `pf.save` writes, `pf.load` gives back: the same class, plain fields and bits."""
    cause = (
        "Fields of a part are arrays, parts, None, bool, int, float, text and tuples of these. Keep the name of a "
        "function, not the function, and a tuple, not a list."
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.safetensors"
        try:
            io.save(path, part)
            loaded = io.load(path)
        except (FileError, TypeError) as error:
            yield Failure("`pf.save`, then `pf.load`", str(error).splitlines()[0], "a file that loads", cause)
            return
    if type(loaded) is not type(part) or jax.tree.structure(loaded) != jax.tree.structure(part):
        yield Failure("`pf.load`", f"{loaded}"[:200], f"{part}"[:200], cause)
    elif not all(map(_same_bits, jax.tree.leaves(loaded), jax.tree.leaves(part))):
        yield Failure("`pf.load`", "other numbers", "the same bits", "A field changes its numbers when it is read.")


def _same_bits(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def not_finite(gradients: Any, cause: str) -> Iterator[Failure]:
    """The leaves of which a gradient at data of size `FAR` is not finite, all in one."""
    leaves = jax.tree_util.tree_leaves_with_path(gradients)
    bad = [f"`{jax.tree_util.keystr(p).lstrip('.')}`" for p, leaf in leaves if not np.all(np.isfinite(leaf))]
    if bad:
        names = ", ".join(bad[:4]) + (f" and {len(bad) - 4} more" if len(bad) > 4 else "")
        yield Failure(
            f"data of size {FAR:g}, gradient for {names}", "numbers that are not finite", "finite ones", cause
        )


def wrong_kinds(kinds: dict[str, Any]) -> Iterator[Failure]:
    """Kinds that are none of the words for them."""
    for name, kind in kinds.items():
        if kind not in KINDS:
            yield Failure(f"`{name}`", f"{kind!r}", f"one of {', '.join(KINDS)}", "A misspelt word.")


def not_refused(call: Any, where: str, wanted: str) -> Iterator[Failure]:
    """A call that must raise a ValueError with words in it."""
    cause = "A public method is overridden: write the ones with an underscore, the public ones check their input."
    try:
        call()
    except ValueError as error:
        if len(str(error).split()) < 4:
            yield Failure(where, f"ValueError: {error}", "a ValueError that says what was wanted", cause)
    except Exception as error:
        yield Failure(where, f"{type(error).__name__}: {error}"[:200], wanted, cause)
    else:
        yield Failure(where, "no error", wanted, cause)
