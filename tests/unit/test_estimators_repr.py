"""What a notebook shows of an estimator: scikit-learn's diagram, and below it what was fitted."""

import numpy as np
import pytest
import sklearn
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pushforward as pf
from html_page import Found

NASTY = "<script>x</script>"
NEW = hasattr(sklearn.base.BaseEstimator, "_html_repr")
pytestmark = pytest.mark.skipif(not NEW, reason="scikit-learn before 1.7 shows its own diagram alone")


@pytest.fixture(scope="module")
def density():
    table = pf.data.Table((NASTY, "b"), np.random.default_rng(0).normal(size=(60, 2)))
    return pf.FlowDensity("affine", max_epochs=2, random_state=0).fit(table)


def test_what_was_fitted_is_shown_below_the_diagram(density):
    html = density._repr_html_()
    assert "pushforward-facts" in density._repr_mimebundle_()["text/html"]
    diagram, facts = html.split('<div class="pushforward-facts">')
    assert "sk-container-id" in diagram
    found = Found(facts)
    assert found.text.startswith("Fitted flow affine parameters")
    assert "2 in" in found.text
    assert f"{NASTY} unbounded" in found.text
    assert "<script>x" not in facts


def test_before_a_fit_and_in_a_pipeline_scikit_learn_has_its_own(density):
    new = pf.FlowDensity("affine")
    assert "pushforward-facts" not in new._repr_html_()
    assert "FlowDensity" in new._repr_html_()
    pipeline = make_pipeline(StandardScaler(), pf.FlowDensity("affine", max_epochs=1, random_state=0))
    pipeline.fit(np.random.default_rng(0).normal(size=(60, 2)))
    assert "StandardScaler" in pipeline._repr_html_()
    assert "FlowDensity" in pipeline._repr_html_()


def test_text_is_shown_where_it_is_asked_for(density):
    with sklearn.config_context(display="text"):
        assert not hasattr(density, "_repr_html_")
        assert "text/html" not in density._repr_mimebundle_()


def test_a_conditional_density_and_a_classifier_say_what_they_are():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 1))
    given = pf.ConditionalFlowDensity("affine", max_epochs=1, random_state=0).fit(X, X[:, 0])
    assert "given x0" in Found(given._repr_html_().split('<div class="pushforward-facts">')[1]).text
    classifier = pf.FlowClassifier("affine", max_epochs=1, random_state=0).fit(X, (X[:, 0] > 0).astype(int))
    assert "FlowClassifier" in classifier._repr_html_()
