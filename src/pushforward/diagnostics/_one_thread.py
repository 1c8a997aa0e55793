"""Boosted trees of few rows in one thread: threads that wait for each other take longer than one."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Until the end of the block, scikit-learn's trees use one thread."""
    # Only the threads of what is imported already are known to the limit.
    import sklearn.ensemble  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "openmp"):
        yield
