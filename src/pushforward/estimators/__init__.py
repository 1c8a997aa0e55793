"""scikit-learn estimators: a density, a density given conditions, a transformer to Gaussian noise; images and sound."""

from pushforward.estimators._classifier import FlowClassifier
from pushforward.estimators._compare import compare
from pushforward.estimators._conditional import ConditionalFlowDensity
from pushforward.estimators._density import FlowDensity
from pushforward.estimators._forecaster import FlowForecaster
from pushforward.estimators._gaussianizer import Gaussianizer
from pushforward.estimators._image_classifier import ImageClassifier
from pushforward.estimators._image_outlier import ImageOutlier
from pushforward.estimators._images import ImageDensity
from pushforward.estimators._latent_use import LatentUse
from pushforward.estimators._load import load_estimator
from pushforward.estimators._outlier import FlowOutlier
from pushforward.estimators._sound import SoundDensity
from pushforward.estimators._vae import FlowVAE
from pushforward.modalities._classes import ClassReport
from pushforward.modalities.table.choice._comparison import Compared, Comparison

__all__ = [
    "ClassReport",
    "Compared",
    "Comparison",
    "ConditionalFlowDensity",
    "FlowClassifier",
    "FlowDensity",
    "FlowForecaster",
    "FlowOutlier",
    "FlowVAE",
    "Gaussianizer",
    "ImageClassifier",
    "ImageDensity",
    "ImageOutlier",
    "LatentUse",
    "SoundDensity",
    "compare",
    "load_estimator",
]
