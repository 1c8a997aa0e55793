"""What is said when training needs more memory than there is."""

from collections.abc import Iterator
from contextlib import contextmanager

from pushforward._errors import TrainingError, memory_wanted


@contextmanager
def memory_told(batch_size: int) -> Iterator[None]:
    """An allocation that fails becomes a sentence on the batch size.

    Raises:
        TrainingError: In place of JAX's error or Python's.
    """
    try:
        yield
    except Exception as error:
        wanted = memory_wanted(error)
        if wanted is None:
            raise
        raise TrainingError(
            f"Training ran out of memory with {batch_size} rows in a step{wanted and f': {wanted} more were wanted'}.",
            "Take fewer rows: `batch_size=` (`--batch-size`). Image flows also train in less memory with "
            "`memory='recompute'` or 'invert' and `precision='bfloat16'` (`--set memory=recompute`). Several devices "
            "share the parameters with `fit(..., shard_parameters=True)`.",
        ) from error
