"""A part comes back from a file as it went in: classes, plain fields, arrays and their bits."""

import json
import math
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors import safe_open

from pushforward import io
from pushforward._errors import FileError
from pushforward._params import buffer, static, trainable_mask
from pushforward._types import Part
from pushforward.io._container import Contents, decode, encode


class Leaf(Part):
    weight: jax.Array
    centre: jax.Array = buffer()
    shape: tuple = static()
    slope: float = static()
    name: str | None = static(default=None)


class Tree(Part):
    """Its `__init__` cannot be run without a key, so loading must do without."""

    parts: tuple
    depth: int = static()

    def __init__(self, *parts, depth, key):
        del key
        self.parts = parts
        self.depth = depth


class Holder(Part):
    value: object = static()


def leaf(start, dtype=jnp.float32, **changes):
    fields = {"shape": (2, (3, None, True)), "slope": 0.1} | changes
    return Leaf(jnp.arange(start, start + 6, dtype=dtype).reshape(2, 3) / 7, jnp.array(-0.0, dtype), **fields)


def tree():
    return Tree(leaf(0), (leaf(1, jnp.bfloat16), leaf(2, jnp.float16, name="é")), depth=2, key=0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "part.safetensors"


def save_and_load(path, part):
    io.save(path, part)
    return io.load(path)


def rewrite(path, old, new):
    """Write the file again with another structure, as another version of the code would have written it."""
    contents = decode(path.read_bytes(), "file")
    text = json.dumps(contents.document).replace(old, new)
    path.write_bytes(encode(Contents(contents.arrays, json.loads(text))))


def test_tree_definition_is_equal(path):
    part = tree()
    loaded = save_and_load(path, part)
    assert jax.tree.structure(loaded) == jax.tree.structure(part)
    assert hash(jax.tree.structure(loaded)) == hash(jax.tree.structure(part))
    assert trainable_mask(loaded) == trainable_mask(part)


def test_arrays_keep_dtype_shape_and_bits(path):
    part = tree()
    for saved, loaded in zip(jax.tree.leaves(part), jax.tree.leaves(save_and_load(path, part)), strict=True):
        assert (loaded.dtype, loaded.shape) == (saved.dtype, saved.shape)
        assert np.asarray(loaded).tobytes() == np.asarray(saved).tobytes()


@pytest.mark.usefixtures("x64")
def test_float64_keeps_its_bits(path):
    part = leaf(0, jnp.float64)
    loaded = save_and_load(path, part)
    assert loaded.weight.dtype == jnp.float64
    assert np.asarray(loaded.weight).tobytes() == np.asarray(part.weight).tobytes()


def test_float64_without_64_bit_mode_says_how_to_turn_it_on(path):
    with jax.enable_x64(True):
        io.save(path, leaf(0, jnp.float64))
    with pytest.raises(FileError, match="float64") as error:
        io.load(path)
    assert "jax_enable_x64" in error.value.hint


def test_transposed_array_keeps_its_order(path):
    part = leaf(0)
    turned = Leaf(np.asarray(part.weight).T, part.centre, (), 0.0)
    np.testing.assert_array_equal(save_and_load(path, turned).weight, turned.weight)


def test_loaded_part_runs_under_the_same_compiled_function(path):
    traces = []

    @jax.jit
    def total(part):
        traces.append(1)
        return sum(jnp.sum(leaf.astype(jnp.float32) ** 2) for leaf in jax.tree.leaves(part))

    part = tree()
    loaded = save_and_load(path, part)
    assert total(part) == total(loaded)
    assert len(traces) == 1
    np.testing.assert_array_equal(jax.grad(total)(loaded).parts[0].weight, 2 * part.parts[0].weight)


@pytest.mark.parametrize(
    "value",
    [None, True, False, 0, -(2**70), 0.1, 1.0, 5e-324, math.inf, -math.inf, "", 'a "b"\n\\', (), (1, (2.0, ("x",)))],
)
def test_plain_field_comes_back_with_its_type(path, value):
    loaded = save_and_load(path, Holder(value)).value
    assert (loaded, repr(loaded)) == (value, repr(value))


def test_nan_and_negative_zero_fields_come_back(path):
    nan, zero = save_and_load(path, Holder((math.nan, -0.0))).value
    assert math.isnan(nan)
    assert math.copysign(1, zero) == -1


@pytest.mark.parametrize("value", [jnp.tanh, [1, 2], {"a": 1}, object()])
def test_other_fields_are_refused_by_path(path, value):
    part = Tree(Holder(value), depth=1, key=0)
    with pytest.raises(FileError, match=r"`parts\.0\.value` is of type"):
        io.save(path, part)
    assert not path.exists()


def test_something_else_than_a_part_is_refused(path):
    with pytest.raises(TypeError):
        io.save(path, {"weight": jnp.zeros(2)})


def test_unknown_class_says_to_import_it(path):
    io.save(path, Holder(1))
    name = Holder.part_name()
    rewrite(path, name, "my_flows.Squash")
    with pytest.raises(FileError, match=r"`my_flows\.Squash`") as error:
        io.load(path)
    assert "import the module that defines `my_flows.Squash`" in error.value.hint


def test_unknown_class_of_ours_says_to_upgrade(path):
    io.save(path, Holder(1))
    rewrite(path, Holder.part_name(), "pushforward.FromTheFuture")
    with pytest.raises(FileError, match=r"pushforward\.FromTheFuture") as error:
        io.load(path)
    assert "upgrade" in error.value.hint


def test_name_in_a_file_imports_nothing(path):
    io.save(path, Holder(1))
    rewrite(path, Holder.part_name(), "antigravity.Part")
    with pytest.raises(FileError):
        io.load(path)
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(("old", "new"), [('"depth"', '"width"'), (', "depth": 2', "")])
def test_changed_fields_are_named(path, old, new):
    io.save(path, tree())
    rewrite(path, old, new)
    with pytest.raises(FileError, match=r"has changed since the file was saved, at .*depth") as error:
        io.load(path)
    assert "version" in error.value.hint


def test_field_newer_than_the_file_gets_its_default(path):
    io.save(path, leaf(0))
    rewrite(path, ', "name": null', "")
    assert io.load(path).name is None


def test_class_defined_again_is_the_one_that_is_loaded(path):
    def define():
        class Again(Part):
            value: int = static()

        return Again

    first, second = define(), define()
    io.save(path, first(3))
    loaded = io.load(path)
    assert type(loaded) is second
    assert loaded.value == 3


def test_same_part_gives_the_same_file(tmp_path):
    io.save(tmp_path / "a", tree(), metadata={"a": 1, "b": [2, 3]})
    io.save(tmp_path / "b", tree(), metadata={"a": 1, "b": [2, 3]})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_metadata_comes_back(path):
    metadata = {"columns": ["a", "é"], "best": math.inf, "nested": {"none": None, "true": True}, "loss": 0.1}
    io.save(path, Holder(1), metadata=metadata)
    part, read = io.read(path)
    assert isinstance(part, Holder)
    assert read == metadata


def test_metadata_takes_numpy_numbers_and_tuples(path):
    io.save(path, Holder(1), metadata={"loss": np.float32(0.5), "steps": np.int64(3), "pair": (1, np.bool_(True))})
    assert io.read(path)[1] == {"loss": 0.5, "steps": 3, "pair": [1, True]}


@pytest.mark.parametrize(
    ("metadata", "where"),
    [
        ({"a": [0, {1, 2}]}, r"metadata\['a'\]\[1\]"),
        ({"a": {1: 2}}, r"metadata\['a'\] has the key 1"),
        ({"a": np.zeros(2)}, r"metadata\['a'\]"),
    ],
)
def test_metadata_that_cannot_be_held_is_named(path, metadata, where):
    with pytest.raises(FileError, match=where):
        io.save(path, Holder(1), metadata=metadata)


def test_file_opens_in_safetensors(path):
    part = leaf(0)
    io.save(path, part)
    with safe_open(path, framework="np") as file:
        assert set(file.keys()) == {"weight", "centre"}
        np.testing.assert_array_equal(file.get_tensor("weight"), part.weight)
