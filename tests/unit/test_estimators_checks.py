"""scikit-learn's own checks of an estimator, without exceptions."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from pushforward import ConditionalFlowDensity, FlowClassifier, FlowDensity, FlowOutlier, FlowVAE, Gaussianizer

# Small, because each of about 150 checks fits and compiles. Without held-out rows the last flow is kept; with them it
# could be the one before training, the same for all data.
SETTINGS = {
    "flow": "affine",
    "options": {"width": 4, "depth": 1},
    "max_epochs": 2,
    "validation": None,
    "random_state": 0,
}


ESTIMATORS = (FlowDensity, ConditionalFlowDensity, Gaussianizer, FlowClassifier, FlowOutlier)


AUTOENCODER = {name: value for name, value in SETTINGS.items() if name != "flow"} | {"latent": 1}


@parametrize_with_checks([*(estimator(**SETTINGS) for estimator in ESTIMATORS), FlowVAE(**AUTOENCODER)])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_scikit_learn_check_passes(estimator, check):
    check(estimator)
