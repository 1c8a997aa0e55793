"""The process that tests run in."""

import jax
import jax.numpy as jnp


def test_tests_run_on_the_cpu():
    assert jax.default_backend() == "cpu"


def test_float32_is_the_default():
    assert jnp.zeros(1).dtype == jnp.float32


def test_the_x64_fixture_gives_float64(x64):
    assert jnp.zeros(1).dtype == jnp.float64


def test_compiled_code_is_kept_between_runs():
    assert jax.config.jax_compilation_cache_dir.endswith(".cache/jax")
    assert jax.config.jax_persistent_cache_min_compile_time_secs == 0
    assert jax.config.jax_persistent_cache_min_entry_size_bytes == -1
