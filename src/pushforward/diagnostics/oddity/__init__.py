"""Is a row odd? p-values that hold in finite samples, false discoveries, and scores with their papers."""

from pushforward.diagnostics.oddity._conformal import (
    conformal_p_values,
    conformal_threshold,
    false_discoveries,
    rows_needed,
)

__all__ = ["conformal_p_values", "conformal_threshold", "false_discoveries", "rows_needed"]
