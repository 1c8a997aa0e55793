"""`pushforward distill` of sound: a student that is fast at samples in the place of the teacher's flow."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from pushforward._errors import DataError, UsageError
from pushforward.data.sound._segments import cut
from pushforward.distillation import StudentReport, distill
from pushforward.distillation._start import MOMENTS_UP_TO
from pushforward.distributions import AbstractDistribution
from pushforward.distributions._steps import has_steps
from pushforward.modalities._model import Model
from pushforward.modalities._talk import Talk
from pushforward.modalities._told import Lesson
from pushforward.modalities.sound._facts import SoundFacts, plain_options
from pushforward.modalities.sound._flow import built, whole_numbers
from pushforward.modalities.sound._prepare import frames_of, labels_of
from pushforward.modalities.sound._read import read_for
from pushforward.objectives import Batch, power_loss

STUDENT = "parallel-wavenet"
"""Where no flow is named."""
FORWARD = 0.5
"""Weight of the divergence at clips, where nothing is said of it: a student that meets none finds some impossible."""
DRAWS, ROWS = 16, 4096
"""Of the student for a step, and segments of data at most."""


def taught(model: Model, lesson: Lesson, given: Mapping[str, Any]) -> tuple[Model, StudentReport]:
    """The model with a student in the place of its flow; both work in the real numbers behind the whole ones.

    With clips, the power of the student's draws at each frequency is drawn to theirs besides, and half of the
    divergence is taken at the clips, where this costs no more than at draws.

    Raises:
        UsageError: If the model is conditional and no clips are given.
        DataError: If the clips cannot be used, or the student does not fit the teacher.
    """
    facts, name = model.facts, lesson.flow or STUDENT
    if lesson.source is None and facts.cond_dim(facts.length) is not None:
        raise UsageError(
            "the model is conditional: a student has to see labels or spectrograms.",
            "give clips with `--data`, such as those that the model was fitted to",
        )
    x, condition = (None, None) if lesson.source is None else _seen(facts, lesson.source, given)
    build_key, key = jax.random.split(jax.random.key(lesson.seed))
    own = dataclasses.replace(facts, options=plain_options(lesson.options))
    teacher = model.flow.base  # pyright: ignore[reportAttributeAccessIssue]: see `whole_numbers`
    try:
        student = built(name, own, facts.length, build_key)
        usual = FORWARD if x is not None and _quick(teacher, student) else 0.0
        done = distill(
            teacher,
            student,
            data=x,
            condition=condition,
            forward=usual if lesson.forward is None else lesson.forward,
            extra=None if x is None else _power,
            start=facts.length > MOMENTS_UP_TO,  # else by an affine map that is not of every length
            num_samples=DRAWS,
            max_epochs=lesson.max_epochs,
            progress=lesson.progress,
            key=key,
        )
    except DataError:
        raise
    except ValueError as error:
        raise DataError(str(error), f"choose a student that fits, such as `--flow {STUDENT}`") from error
    flow = whole_numbers(done.flow, facts.scale)
    settings = {"flow": name, "options": dict(lesson.options), "teacher": model.recipe, "random_state": lesson.seed}
    result = dataclasses.replace(done.fit, flow=flow)
    return Model(model.modality, flow, own, settings, result), done.report


def _quick(teacher: AbstractDistribution, student: AbstractDistribution) -> bool:
    """Whether the divergence at clips has a gradient that is no walk from sample to sample."""
    return student.kinds[0] == "analytic" or (has_steps(teacher) and has_steps(student))


def _power(draws: jax.Array, batch: Batch) -> jax.Array:
    """The loss of Parallel WaveNet in units of the divergence of a whole segment."""
    return draws.shape[1] * POWER * power_loss(draws, batch, frame=256)


POWER = 0.01
"""Nats for one sample that a distance of 1 between log-powers costs."""


def _seen(facts: SoundFacts, source: str, given: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray | None]:
    """Segments with noise as the flow sees them, and their conditions."""
    clips = read_for(facts, source, given, Talk(quiet=True))
    segments = cut(clips, facts.length, pad=given["pad"])
    chosen = np.random.default_rng(0).permutation(len(segments.values))[:ROWS]
    labels = labels_of(clips, None)[segments.clip[chosen]] if facts.labels else None
    mels = None
    if facts.mel is not None:
        places = zip(segments.clip[chosen].tolist(), segments.start[chosen].tolist(), strict=True)
        mels = np.stack([frames_of(clips.waves[clip], facts, start) for clip, start in places])
    noise = np.random.default_rng(1).random((len(chosen), facts.length))
    x = ((segments.values[chosen] + noise) / facts.scale).astype(np.float32)
    return x, facts.conditions(labels, mels, len(chosen))
