"""Distributions: bases, the flow `Transformed`, mixtures."""

from pushforward.distributions._base import AbstractDistribution
from pushforward.distributions._independent import Laplace, Logistic, Normal, StudentT, Uniform
from pushforward.distributions._made import Autoregression
from pushforward.distributions._mixture import ConditionalBase, Mixture, MultivariateNormal
from pushforward.distributions._transformed import Embedded, Transformed

__all__ = [
    "AbstractDistribution",
    "Autoregression",
    "ConditionalBase",
    "Embedded",
    "Laplace",
    "Logistic",
    "Mixture",
    "MultivariateNormal",
    "Normal",
    "StudentT",
    "Transformed",
    "Uniform",
]
