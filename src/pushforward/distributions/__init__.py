"""Distributions: bases, the flow `Transformed`, mixtures."""

from pushforward.distributions._atoms import AwayFromAtoms
from pushforward.distributions._base import AbstractDistribution
from pushforward.distributions._categorical import CategoricalMADE
from pushforward.distributions._circular import CircularUniform, VonMises
from pushforward.distributions._coded import Bernoulli, Categorical
from pushforward.distributions._discrete import AbstractCountable, DiscretizedLogistic, MassTable, OneHotCategorical
from pushforward.distributions._embedded import Embedded, embedded
from pushforward.distributions._fitted import Fitted
from pushforward.distributions._independent import Laplace, Logistic, Normal, StudentT, Uniform
from pushforward.distributions._joint import GivenAngles, GivenCategories, Product, SplitOff
from pushforward.distributions._latent import Vamp, VampPrior
from pushforward.distributions._made import Autoregression
from pushforward.distributions._mixture import ConditionalBase, Mixture, MultivariateNormal
from pushforward.distributions._predicted import AbstractPredicted, PredictedLogistic
from pushforward.distributions._resampled import Resampled
from pushforward.distributions._target import Bridge, Target
from pushforward.distributions._transformed import Transformed
from pushforward.distributions.series._windows import SeriesFlow

__all__ = [
    "AbstractCountable",
    "AbstractDistribution",
    "AbstractPredicted",
    "Autoregression",
    "AwayFromAtoms",
    "Bernoulli",
    "Bridge",
    "Categorical",
    "CategoricalMADE",
    "CircularUniform",
    "ConditionalBase",
    "DiscretizedLogistic",
    "Embedded",
    "Fitted",
    "GivenAngles",
    "GivenCategories",
    "Laplace",
    "Logistic",
    "MassTable",
    "Mixture",
    "MultivariateNormal",
    "Normal",
    "OneHotCategorical",
    "PredictedLogistic",
    "Product",
    "Resampled",
    "SeriesFlow",
    "SplitOff",
    "StudentT",
    "Target",
    "Transformed",
    "Uniform",
    "Vamp",
    "VampPrior",
    "VonMises",
    "embedded",
]
