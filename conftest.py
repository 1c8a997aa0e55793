"""The process that tests run in: CPU, one compilation cache, shapes checked at every call."""

import importlib.util
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent

# Set before JAX is imported, and inherited by the processes that tests start.
os.environ.update(
    JAX_PLATFORMS="cpu",
    JAX_COMPILATION_CACHE_DIR=str(ROOT / ".cache" / "jax"),
    JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0",
    JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES="-1",
    MPLBACKEND="Agg",
    PYTHONHASHSEED="0",
)
os.environ.pop("JAX_ENABLE_X64", None)

# Doctests import every module, and this one needs an extra that is not among those of the tests.
collect_ignore = [] if importlib.util.find_spec("pyod") else ["src/pushforward/interop/pyod/_detector.py"]

# `make test` sets PUSHFORWARD_TYPECHECK=1: every annotated shape in the package is then checked at every call.
if os.environ.get("PUSHFORWARD_TYPECHECK") == "1":
    from jaxtyping import install_import_hook

    install_import_hook("pushforward", "typecheck.checked")


@pytest.fixture(autouse=True)
def _place_for_doctests(request: pytest.FixtureRequest, doctest_namespace: dict[str, object]) -> None:
    """Docstring examples run in a folder of their own and know `jax`, `jnp`, `np`, `pf`, `key` and the public parts."""
    if not isinstance(request.node, pytest.DoctestItem):
        return
    request.getfixturevalue("monkeypatch").chdir(request.getfixturevalue("tmp_path"))
    import jax
    import jax.numpy as jnp
    import numpy as np

    import pushforward as pf

    for package in (pf.nets, pf.bijections, pf.distributions, pf.objectives):
        doctest_namespace.update({name: getattr(package, name) for name in package.__all__})
    doctest_namespace.update(jax=jax, jnp=jnp, np=np, pf=pf, key=jax.random.key(0))
