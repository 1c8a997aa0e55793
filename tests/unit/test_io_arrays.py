"""Arrays by name, as training checkpoints need them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from pushforward import io
from pushforward._errors import FileError

DTYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int8", "uint64", "uint32", "uint8", "bool"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.safetensors"


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (2, 3)])
def test_every_dtype_and_shape_comes_back(path, shape):
    arrays = {name: np.ones(shape, jnp.dtype(name)) for name in DTYPES}
    io.write_arrays(path, arrays, {})
    read, _ = io.read_arrays(path)
    assert set(read) == set(arrays)
    for name, array in arrays.items():
        assert (read[name].dtype, read[name].shape) == (array.dtype, array.shape)
        assert read[name].tobytes() == array.tobytes()


def test_nan_keeps_its_payload(path):
    bits = np.array([0x7FC00001, 0xFFC00000, 0x7F800000, 0x80000000, 1], np.uint32)
    io.write_arrays(path, {"x": bits.view(np.float32)}, {})
    np.testing.assert_array_equal(io.read_arrays(path)[0]["x"].view(np.uint32), bits)


def test_no_arrays_are_a_file_too(path):
    io.write_arrays(path, {}, {"seed": 3})
    assert io.read_arrays(path) == ({}, {"seed": 3})


def test_optimizer_state_goes_through_names(path):
    state = optax.adam(1e-3).init({"w": jnp.ones((2, 3))})
    leaves, treedef = jax.tree_util.tree_flatten_with_path(state)
    io.write_arrays(path, {jax.tree_util.keystr(name): leaf for name, leaf in leaves}, {"step": 10})
    arrays, metadata = io.read_arrays(path)
    again = jax.tree.unflatten(treedef, [arrays[jax.tree_util.keystr(name)] for name, _ in leaves])
    assert metadata == {"step": 10}
    assert jax.tree.all(jax.tree.map(np.array_equal, state, again))


def test_dtype_that_a_file_cannot_hold_is_named(path):
    with pytest.raises(FileError, match="'x' has dtype object"):
        io.write_arrays(path, {"x": np.array([None])}, {})
