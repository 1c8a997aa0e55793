"""`pushforward outliers` of images: which are odd, and how sure that is."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pushforward._errors import DataError
from pushforward.data import Images, Table, TableWriter
from pushforward.diagnostics.oddity import conformal_p_values
from pushforward.diagnostics.oddity._conformal import check_resolved
from pushforward.modalities._odd import level, promised, verdicts
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.image._arrays import labels_of
from pushforward.modalities.image._model import ImageModel
from pushforward.modalities.image._read import read_for
from pushforward.modalities.image.oddity._keep import states_by
from pushforward.modalities.image.oddity._ordinary import Ordinary, log_prob_of


def outliers(model: ImageModel, source: str, target: str, given: Mapping[str, Any], talk: Talk) -> None:
    """Write the images whose p-values are small.

    Raises:
        DataError: If nothing is known of ordinary images, or of too few for the share of false alarms asked for.
    """
    known = _ordinary(model, given, talk)
    calibration = known.calibration(given["score_by"])
    if (alpha := level(given)) is not None:
        check_resolved(alpha, len(calibration))
    images = _read(model, source, given)
    states = _states(model, images)
    scores = known.scores(given["score_by"], states)
    p_values = conformal_p_values(calibration, scores)
    odd = verdicts(p_values, given)
    written = np.ones(len(odd), bool) if given["all_rows"] else odd
    columns = [np.arange(len(images)), log_prob_of(states), scores, p_values, odd][: 5 if given["all_rows"] else 4]
    table = Table(
        ("image", "log_prob", "score", "p_value", "outlier")[: len(columns)],
        np.column_stack(columns).astype(float)[written],
        ("category", "float", "float", "float", "int")[: len(columns)],
        categories={"image": images.names},
    )
    with TableWriter(target, table.names, table.kinds, table.categories) as writer:
        writer.write(table.values)
    where = "standard output" if target == "-" else target
    talk.say(f"flagged {int(odd.sum()):,} of {plural(len(images), 'image')}; wrote {where}")
    for line in promised(len(images), int(odd.sum()), len(calibration), given, "image"):
        talk.say(line)


def _ordinary(model: ImageModel, given: Mapping[str, Any], talk: Talk) -> Ordinary:
    """What is known of ordinary images: of a source that is given, or what the model keeps.

    Raises:
        DataError: If nothing is.
    """
    if given["calibration"] is not None:
        images = _read(model, given["calibration"], given)
        images = images.take(np.random.default_rng(0).permutation(len(images)))
        return Ordinary.of(_states(model, images), unseen=True)
    known: Ordinary | None = model.model.facts.ordinary
    if known is None:
        raise DataError(
            "the model keeps nothing of images that were held out, so nothing says which is odd.",
            "give ordinary images that it was not fitted to: `--calibration FOLDER`",
        )
    if not known.unseen:
        talk.say(
            f"calibrated by {plural(len(known.states), 'image')} that the fit held out, which chose its best epoch: a "
            "little more than the share may be false alarms; `--calibration FOLDER` with other images is exact"
        )
    return known


def _read(model: ImageModel, source: str, given: Mapping[str, Any]) -> Images:
    return read_for(model, source, **{name: given[name] for name in ("resize", "mode", "skip_bad")})


def _states(model: ImageModel, images: Images) -> np.ndarray:
    labels = labels_of(images, None) if model.labels_ else None
    return states_by(model.model, model.checked(images), labels)
