"""Whole flows go through a file bit for bit, in this process and in a new one."""

import importlib
import json
import pkgutil
import subprocess
import sys
from collections import Counter

import equinox
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward import bijections, data, distributions, flows, io, nets, objectives, train
from pushforward._params import partition
from pushforward._types import Part


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def shaken(flow, key, size=0.1):
    """The flow with noise on all trained numbers, as if it had been trained."""
    trained, rest = partition(flow)
    leaves, treedef = jax.tree.flatten(trained)
    keys = jax.random.split(key, len(leaves))
    noisy = [leaf + size * jax.random.normal(k, leaf.shape, leaf.dtype) for leaf, k in zip(leaves, keys, strict=True)]
    return equinox.combine(jax.tree.unflatten(treedef, noisy), rest)


def small(name, key):
    """A recipe in two dimensions, of images of 4 x 4 pixels or of sounds, with nets as small as it lets them be."""
    recipe = flows.RECIPES[name]
    options = {"width": 4, "num_layers": 2} if "width" in recipe.options() else {}
    options |= {"num_levels": 1, "num_steps": 1, "depth": 1, "num_heads": 1} if recipe.events == "image" else {}
    options |= {"num_blocks": 2, "num_flows": 1, "depth": 2} if recipe.events == "sound" else {}
    return recipe.build(
        {"image": (4, 4, 1), "sound": recipe.example}.get(recipe.events, 2),
        **{k: v for k, v in options.items() if k in recipe.options()},
        key=key,
    )


@pytest.mark.parametrize("name", flows.RECIPES)
def test_reloaded_recipe_is_the_same_tree(name, path, key):
    flow = shaken(small(name, key), key)
    pf.save(path, flow)
    loaded = pf.load(path)
    assert jax.tree.structure(loaded) == jax.tree.structure(flow)
    for a, b in zip(jax.tree.leaves(loaded), jax.tree.leaves(flow), strict=True):
        assert (a.dtype, a.weak_type) == (b.dtype, b.weak_type)
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.parametrize("name", ["nsf", "maf"])
def test_reloaded_flow_gives_the_same_bits(name, path, key):
    flow = shaken(small(name, key), key)
    pf.save(path, flow)
    loaded = pf.load(path)
    x = jax.random.normal(key, (20, 2))
    assert np.asarray(loaded.log_prob(x)).tobytes() == np.asarray(flow.log_prob(x)).tobytes()
    assert np.asarray(loaded.sample(key, 5)).tobytes() == np.asarray(flow.sample(key, 5)).tobytes()


def test_new_process_gives_the_same_bits(path, tmp_path, key):
    flow = shaken(small("realnvp", key), key)
    pf.save(path, flow, metadata={"columns": ["a", "b"]})
    x = np.linspace(-2.0, 2.0, 10, dtype=np.float32).reshape(5, 2)
    script = f"""
import numpy as np
from pushforward import io
flow, metadata = io.read({str(path)!r})
assert metadata == {{"columns": ["a", "b"]}}
x = np.linspace(-2.0, 2.0, 10, dtype=np.float32).reshape(5, 2)
np.save({str(tmp_path / "log_prob.npy")!r}, flow.log_prob(x))
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    assert np.load(tmp_path / "log_prob.npy").tobytes() == np.asarray(flow.log_prob(x)).tobytes()


def test_conditional_flow_with_columns_comes_back(path, key):
    inner = flows.maf(2, num_layers=1, width=4, cond_dim=1, key=key)
    columns = bijections.Standardize(jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0]))
    flow = distributions.Embedded(
        distributions.Transformed(inner.base, bijections.Chain([inner.bijection, columns])),
        bijections.Standardize(jnp.zeros(1), jnp.ones(1)),
    )
    pf.save(path, flow)
    assert jax.tree.structure(pf.load(path)) == jax.tree.structure(flow)


def test_bfloat16_flow_keeps_its_bits(path, key):
    flow = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), small("realnvp", key))
    pf.save(path, flow)
    for a, b in zip(jax.tree.leaves(pf.load(path)), jax.tree.leaves(flow), strict=True):
        assert a.dtype == jnp.bfloat16
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def package_parts():
    for package in (bijections, data, distributions, flows, nets, objectives, train):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    todo, found = [Part], set()
    while todo:
        cls = todo.pop()
        found.add(cls)
        todo += cls.__subclasses__()
    return {cls for cls in found if cls.__module__.startswith("pushforward.")}


def test_names_in_files_are_unique():
    names = Counter(cls.part_name() for cls in package_parts())
    assert [name for name, count in names.items() if count > 1] == []


def test_parts_live_where_loading_imports_them():
    homes = (bijections.__name__, distributions.__name__, nets.__name__, "pushforward._types")
    assert {cls for cls in package_parts() if not cls.__module__.startswith(homes)} == set()


def test_structure_is_readable_json(path):
    pf.save(path, bijections.Shift(jnp.ones(2)))
    header = path.read_bytes()[8 : 8 + int.from_bytes(path.read_bytes()[:8], "little")]
    document = json.loads(json.loads(header)["__metadata__"]["pushforward"])
    assert document["structure"]["part"] == "pushforward.Shift"
    assert document["version"] == 1
    assert set(document["libraries"]) == {"pushforward", "jax", "equinox", "numpy", "safetensors"}


def test_saving_again_what_was_loaded_gives_the_same_file(path, tmp_path, key):
    pf.save(path, small("nsf", key), metadata={"a": [1, None]})
    flow, metadata = io.read(path)
    pf.save(tmp_path / "again", flow, metadata=metadata)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()
