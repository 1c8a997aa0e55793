"""scikit-learn estimators: a density, a density given conditions, a transformer to Gaussian noise; and images."""

from pushforward.estimators._classifier import FlowClassifier
from pushforward.estimators._conditional import ConditionalFlowDensity
from pushforward.estimators._density import FlowDensity
from pushforward.estimators._gaussianizer import Gaussianizer
from pushforward.estimators._images import ImageDensity
from pushforward.estimators._load import load_estimator

__all__ = ["ConditionalFlowDensity", "FlowClassifier", "FlowDensity", "Gaussianizer", "ImageDensity", "load_estimator"]
