"""Is a row odd? p-values that hold in finite samples, false discoveries, and scores with their papers.

Of all scores here small is odd.
"""

from pushforward.diagnostics.oddity._conformal import (
    conformal_p_values,
    conformal_threshold,
    false_discoveries,
    rows_needed,
)
from pushforward.diagnostics.oddity._geometry import density_and_dimension, gradient_norm, local_dimension
from pushforward.diagnostics.oddity._scores import (
    ensemble_spread,
    input_complexity,
    likelihood_ratio,
    png_nats,
    typicality,
    typicality_p_value,
    waic,
)
from pushforward.diagnostics.oddity._states import density_of_states

__all__ = [
    "conformal_p_values",
    "conformal_threshold",
    "density_and_dimension",
    "density_of_states",
    "ensemble_spread",
    "false_discoveries",
    "gradient_norm",
    "input_complexity",
    "likelihood_ratio",
    "local_dimension",
    "png_nats",
    "rows_needed",
    "typicality",
    "typicality_p_value",
    "waic",
]
