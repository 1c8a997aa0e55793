"""Of one joint flow that is already trained: some columns given others, some alone."""

from pushforward.conditionals._condition import Conditional, condition
from pushforward.conditionals._marginal import Marginal, marginal
from pushforward.conditionals._query import Estimate

__all__ = ["Conditional", "Estimate", "Marginal", "condition", "marginal"]
