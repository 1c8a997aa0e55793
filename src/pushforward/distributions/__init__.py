"""Distributions: bases, the flow `Transformed`, mixtures."""

from pushforward.distributions._base import AbstractDistribution
from pushforward.distributions._circular import CircularUniform, VonMises
from pushforward.distributions._independent import Laplace, Logistic, Normal, StudentT, Uniform
from pushforward.distributions._joint import GivenAngles, Product
from pushforward.distributions._made import Autoregression
from pushforward.distributions._mixture import ConditionalBase, Mixture, MultivariateNormal
from pushforward.distributions._transformed import Embedded, Transformed

__all__ = [
    "AbstractDistribution",
    "Autoregression",
    "CircularUniform",
    "ConditionalBase",
    "Embedded",
    "GivenAngles",
    "Laplace",
    "Logistic",
    "Mixture",
    "MultivariateNormal",
    "Normal",
    "Product",
    "StudentT",
    "Transformed",
    "Uniform",
    "VonMises",
]
