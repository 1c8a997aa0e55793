"""Which warnings are errors in these tests: pyproject.toml's `filterwarnings`."""

import warnings

import pytest

DEPRECATIONS = (DeprecationWarning, FutureWarning, PendingDeprecationWarning)
OURS = ("pushforward.nets", "tests.unit.test_x", "cli.shell", "__main__", "jax._src.numpy", "numpy", "sklearn.base")
THEIRS = ("jaxtyping", "numpyro.distributions", "click.core", "matplotlib")


def tell(category: type[Warning], module: str) -> None:
    warnings.warn_explicit("this will go", category, "file.py", 1, module=module)


@pytest.mark.parametrize("module", OURS)
@pytest.mark.parametrize("category", DEPRECATIONS)
def test_a_deprecation_that_our_code_may_have_caused_is_an_error(category, module):
    with pytest.raises(category, match="this will go"):
        tell(category, module)


@pytest.mark.parametrize("module", THEIRS)
def test_what_another_library_calls_is_its_own_affair(module):
    with pytest.warns(DeprecationWarning, match="this will go"):
        tell(DeprecationWarning, module)
