"""`pushforward distill` of a table: a student in the place of the teacher's flow."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from pushforward._errors import DataError, UsageError
from pushforward.distillation import StudentReport, distill
from pushforward.modalities._model import Model
from pushforward.modalities._told import Lesson
from pushforward.modalities.table._chunks import TableFlow
from pushforward.modalities.table._flow import build_flow, stands_alone, with_ends, without_ends
from pushforward.modalities.table._reading import read_pairs


def taught(model: Model, lesson: Lesson, given: Mapping[str, Any]) -> tuple[Model, StudentReport]:
    """The model with a student in the place of its flow; both work in the standard units of the teacher's columns.

    Raises:
        UsageError: If the model is conditional and no rows are given.
        DataError: If the rows cannot be used.
        ValueError: If the student does not fit the teacher.
    """
    facts = model.facts
    if facts.condition_schema is not None and lesson.source is None:
        raise UsageError(
            f"the model is conditional on {', '.join(facts.condition_schema.names)}: a student has to see conditions.",
            "give rows with `--data`, such as the table that the model was fitted to",
        )
    teacher = TableFlow.of(model)
    x, condition = (None, None) if lesson.source is None else _seen(model, teacher, lesson.source, given)
    build_key, key = jax.random.split(jax.random.key(lesson.seed))
    student = None
    if lesson.flow is not None:
        cond_dim = None if teacher.flow.cond_shape is None else teacher.flow.cond_shape[0]
        student = build_flow(lesson.flow, lesson.options, facts.schema, cond_dim, build_key)
    try:
        done = distill(
            teacher.flow,
            student,
            data=x,
            condition=condition,
            forward=lesson.forward or 0.0,
            max_epochs=lesson.max_epochs,
            match_epochs=lesson.max_epochs,
            progress=lesson.progress,
            key=key,
            **(lesson.options if student is None else {}),
        )
    except DataError:
        raise
    except ValueError as error:
        raise DataError(str(error), "choose a student that fits, such as `--flow iaf` or `--flow nsf`") from error
    flow = _in_place(model, done.flow)
    name = lesson.flow or f"{model.recipe} turned round"
    settings = {"flow": name, "options": dict(lesson.options), "teacher": model.recipe, "random_state": lesson.seed}
    result = dataclasses.replace(done.fit, flow=flow)
    return Model(model.modality, flow, dataclasses.replace(facts, scores=()), settings, result), done.report


def _in_place(model: Model, student: Any) -> Any:
    """The student between the teacher's maps of columns and conditions."""
    conditions = model.facts.condition_schema is not None
    inner, _, embedding = without_ends(model.flow, columns=False, conditions=conditions)
    _, columns, _ = without_ends(inner, columns=not stands_alone(inner), conditions=False)
    return with_ends(student, columns, embedding)


def _seen(
    model: Model, teacher: TableFlow, source: str, given: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows and conditions as the flow sees them."""
    data = read_pairs(model.facts, source, given)
    x = data.rows.values
    condition = None if data.condition is None else teacher.seen_conditions(data.condition)
    return x if teacher.units is None else teacher.units.standard(x)[0], condition
