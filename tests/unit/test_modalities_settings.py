"""Settings stand in one place: estimators, the shell and the docs have the same ones."""

import dataclasses
import inspect

import pytest

import pushforward as pf
from pushforward.cli import main
from pushforward.modalities._settings import TRAINING, Settings

ESTIMATORS = (pf.FlowDensity, pf.ConditionalFlowDensity, pf.Gaussianizer, pf.ImageDensity)
SHARED = {field.name: field.default for field in dataclasses.fields(Settings)}


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_estimator_has_the_shared_settings(estimator):
    parameters = inspect.signature(estimator).parameters
    assert SHARED.keys() <= parameters.keys()
    other = {name for name, default in SHARED.items() if parameters[name].default != default}
    assert other <= ({"flow", "batch_size"} if estimator is pf.ImageDensity else set())


def test_the_shell_has_every_setting_of_training_with_its_default():
    shell = {option.name: option for option in main.commands["fit"].params}
    names = [option.name for option in TRAINING]
    assert set(names) <= SHARED.keys()
    assert all(shell[name].default == SHARED[name] for name in names)


def test_the_docs_say_what_every_setting_means():
    text = inspect.getdoc(pf.FlowDensity)
    assert [name for name in SHARED if f"    {name}: " not in text] == []
    own = {f.name for f in dataclasses.fields(pf.ImageDensity)} - SHARED.keys()
    assert [name for name in own if f"    {name}: " not in inspect.getdoc(pf.ImageDensity)] == []


def test_a_signature_is_stored_as_it_is():
    density = pf.FlowDensity("no such flow", validation="half")
    assert (density.flow, density.validation) == ("no such flow", "half")
