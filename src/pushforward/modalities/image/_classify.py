"""`pushforward classify` of images, by a model that is conditional on their labels."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pushforward._errors import UsageError
from pushforward.data import Images, Table, TableWriter
from pushforward.modalities._classes import names_of_classes, posterior, prior_of_names, report_of
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.image._model import ImageMethods, ImageModel
from pushforward.modalities.image._read import read_for

DRAWS = 4
"""Of the noise that makes grey values continuous, the same for all classes."""


def classify(model: ImageModel, source: str, target: str, given: Mapping[str, Any], talk: Talk) -> None:
    """One row for each image: its name, its likeliest class, the probability of each, its log-probability."""
    if not model.labels_:
        raise UsageError("the model knows no labels.", "fit one with --labels, to images in a folder for each label")
    images = read_for(model, source, resize=given["resize"], mode=given["mode"], skip_bad=given["skip_bad"])
    fitted = model.model.settings.get("fitted", {})
    shares = np.exp(fitted["log_prior"]) if fitted else model.model.facts.condition_shares
    log_prior = prior_of_names(dict(given["prior"]), model.labels_, shares)
    likely = log_given(model, images)
    found = posterior(likely / fitted.get("temperature", 1.0), log_prior)
    found = found._replace(log_prob=posterior(likely, log_prior).log_prob)
    numbers = np.arange(len(images), dtype=float)
    likeliest = np.argmax(found.log_proba, axis=1)
    names = ("image", *names_of_classes(model.labels_))
    table = Table(
        names,
        np.column_stack([numbers, likeliest, np.exp(found.log_proba), found.log_prob]),
        ("category", "category", *("float" for _ in names[2:])),
        categories={"image": images.names, names[1]: model.labels_},
    )
    with TableWriter(target, table.names, table.kinds, table.categories) as writer:
        writer.write(table.values)
    talk.say(f"wrote {plural(len(images), 'prediction')} to {'standard output' if target == '-' else target}")
    if images.labels is not None:
        talk.say(report_of(found.log_proba, [images.label_names[place] for place in images.labels], model.labels_))


def log_given(model: ImageMethods, images: Images) -> np.ndarray:
    """Log-probabilities of images given each label, `(count, labels)`, all with the same noise."""
    each = [model.score_samples(images, [name] * len(images), draws=DRAWS) for name in model.labels_]
    return np.stack(each, axis=1)
