"""May a synthetic table be shared? How good it is, and how much it tells of the rows that it was made from.

Of all functions here the rows are real ones, those that a model was fitted to (`train`) and those that it has not seen
(`held_out`), and synthetic ones; each is a `Table`, a data frame or an array with the same columns.
"""

from pushforward.diagnostics.synthetic._assess import assess
from pushforward.diagnostics.synthetic._assessment import Assessment, ColumnFigures, Figure
from pushforward.diagnostics.synthetic._columns import Shapes, Trends, column_shapes, pair_trends
from pushforward.diagnostics.synthetic._detection import detection_score
from pushforward.diagnostics.synthetic._disclosure import Disclosure, attribute_disclosure
from pushforward.diagnostics.synthetic._estimate import Estimate
from pushforward.diagnostics.synthetic._membership import Membership, membership_by_distance, membership_inference
from pushforward.diagnostics.synthetic._near import NearCopies, near_copies
from pushforward.diagnostics.synthetic._usefulness import Usefulness, train_synthetic_test_real

__all__ = [
    "Assessment",
    "ColumnFigures",
    "Disclosure",
    "Estimate",
    "Figure",
    "Membership",
    "NearCopies",
    "Shapes",
    "Trends",
    "Usefulness",
    "assess",
    "attribute_disclosure",
    "column_shapes",
    "detection_score",
    "membership_by_distance",
    "membership_inference",
    "near_copies",
    "pair_trends",
    "train_synthetic_test_real",
]
