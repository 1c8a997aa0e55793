"""Train a student on its teacher."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import DataError, as_batch, as_key, check_part
from pushforward._types import Shape
from pushforward.distillation._report import StudentReport, student_report
from pushforward.distillation._start import started
from pushforward.distillation._turned import Matching, turned_round
from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.distributions._fitted import conditions_of, flow_of
from pushforward.objectives import distillation
from pushforward.objectives._distillation import ExtraLoss, check_pair
from pushforward.train import Callback, FitResult, fit

HELD_OUT = 0.1
"""Of the rows that are given, for the report."""


@dataclasses.dataclass(frozen=True)
class Distilled:
    """A trained student.

    Attributes:
        flow: The student.
        report: How near it is to its teacher, and how fast.
        fit: How training went.
        matching: How its layers learned the teacher's before, or None where they did not.
    """

    flow: AbstractDistribution
    report: StudentReport
    fit: FitResult
    matching: FitResult | None = None

    def __str__(self) -> str:
        return f"{self.fit}\n{self.report}"


def distill(
    teacher: AbstractDistribution | Fitted,
    student: AbstractDistribution | None = None,
    *,
    data: ArrayLike | None = None,
    condition: ArrayLike | None = None,
    forward: float = 0.0,
    gradient: str = "auto",
    extra: ExtraLoss | None = None,
    start: bool = True,
    width: int | None = None,
    depth: int | None = None,
    match_epochs: int = 40,
    num_samples: int = 256,
    num_draws: int = 20_000,
    report_samples: int | None = None,
    optimizer: optax.GradientTransformation | None = None,
    learning_rate: float = 1e-3,
    max_epochs: int = 50,
    steps_per_epoch: int = 100,
    ema: float | None = 0.99,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
    key: PRNGKeyArray,
) -> Distilled:
    r"""Teach a student the density of a teacher: probability density distillation.

    A teacher that is slow at samples, such as `maf`, `nsf-ar` or a continuous flow, teaches one that is fast at them,
    such as `iaf` or a coupling flow. No data are needed: the student is scored at its own draws,
    $\mathrm{KL}(\text{student} \| \text{teacher})$, which is unforgiving of draws that the teacher finds unlikely, and
    forgives what is left out; `forward` adds the reverse of it, over draws of the teacher.

    Args:
        teacher: A flow or a fitted estimator, not changed.
        student: An untrained flow of the same events and conditions, not changed. None for the teacher's own layers,
            each turned round (`turned_round`); its layers first learn theirs one by one, which finds all modes where
            the divergence alone would find some.
        data: Rows `(n, *event_shape)` to take in place of the teacher's draws, for `forward`, for `extra`, and a tenth
            of them, held out, for the report.
        condition: `(n, *cond_shape)` for a conditional teacher, a row for each of `data` if there are such.
        forward: Weight of $\mathrm{KL}(\text{teacher} \| \text{student})$, from 0 to 1.
        gradient: See `objectives.distillation`.
        extra: A loss in data space besides, from the student's draws and the batch; see `objectives.power_loss`.
        start: Whether the student starts with its teacher's means and covariances, by an affine map behind it, and
            with the teacher's last maps if these make the support. Of more than 1,024 numbers, with one mean and one
            spread for all.
        width: Hidden units of the layers' networks, if there is no `student`; None for as many as the teacher's have.
            Fewer are faster.
        depth: Their hidden layers, likewise.
        match_epochs: Epochs in which layers learn theirs, if there is no `student`.
        num_samples: Draws of the student per step; of a conditional one, rows per step.
        num_draws: Draws of the teacher, made once, if `forward` or `extra` needs rows and there are no `data`.
        report_samples: Draws for the report, see `student_report`.
        optimizer: As in `fit`, and so are the following; of the divergence, not of the layers before.
        learning_rate: Of Adam, at its highest; it falls to zero.
        max_epochs: Times `steps_per_epoch`.
        steps_per_epoch: Steps.
        ema: Decay of a running mean of the parameters, which is what is kept.
        checkpoint: A file to write to.
        resume: Whether to go on from it.
        callbacks: Called after every epoch.
        progress: Whether to report on stderr.
        key: From `jax.random.key`.

    Returns:
        The student, its report and the fit; print it for a summary.

    Raises:
        ValueError: If shapes, conditions or supports differ, or the teacher cannot do what is asked of it.
        DataError: If rows or conditions cannot be used.

    Example:
        >>> teacher = pf.distributions.Normal(jnp.array([1.0, -2.0]), jnp.array([0.5, 3.0]))
        >>> student = pf.flows.iaf(2, num_layers=1, width=8, key=key)
        >>> done = pf.distill(teacher, student, max_epochs=1, steps_per_epoch=5, progress=False, key=key)
        >>> done.report.kl < 0.01
        True

    Reference:
        van den Oord et al. (2018), Parallel WaveNet: Fast high-fidelity speech synthesis, section 3.
    """
    flow = flow_of("distill", teacher)
    key = as_key("distill", key)
    build_key, match_key, draw_key, fit_key, report_key = jax.random.split(key, 5)
    own = student is None
    if student is None:
        student = turned_round(flow, width=width, depth=depth, key=build_key)
    elif width is not None or depth is not None:
        raise ValueError("distill: `width` and `depth` are of the teacher's layers turned round; build `student` so.")
    check_part("distill", "student", student, AbstractDistribution, "Write `distill(teacher, student, key=key)`.")
    check_pair("distill", flow, student)
    objective = distillation(flow, forward=forward, num_samples=num_samples, gradient=gradient, extra=extra)
    rows = _checked(flow, data, condition)
    if start and not own:
        last = None if rows.condition is None else jnp.moveaxis(jnp.asarray(rows.condition), 0, -1)
        student = started(student, flow, last, build_key)
    if flow.support != student.support:
        raise ValueError(f"distill: the teacher lives on {flow.support}, and the student on {student.support}.")
    training = {"batch_size": num_samples, "steps_per_epoch": steps_per_epoch, "ema": ema, "progress": progress}
    training |= {"validation": 0, "patience": None}
    matching = None
    if own and match_epochs:
        source, goal = rows.source(flow, wanted=False), Matching(flow, num_samples)
        matching = fit(student, source, objective=goal, max_epochs=match_epochs, key=match_key, **training)
        student = matching.flow
    result = fit(
        student,
        rows.source(flow, wanted=forward > 0 or extra is not None, num_draws=num_draws, key=draw_key),
        objective=objective,
        optimizer=optimizer,
        learning_rate=learning_rate,
        max_epochs=max_epochs,
        checkpoint=checkpoint,
        resume=resume,
        callbacks=callbacks,
        key=fit_key,
        **training,
    )
    report = student_report(
        flow,
        result.flow,
        data=rows.held_out,
        condition=rows.held_out_condition,
        num_samples=report_samples,
        key=report_key,
    )
    return Distilled(result.flow, report, result, matching)


@dataclasses.dataclass(frozen=True)
class _Rows:
    """What was given: rows to train on and rows held out, with conditions; without data all conditions are both."""

    x: np.ndarray | None = None
    condition: np.ndarray | None = None
    held_out: np.ndarray | None = None
    held_out_condition: np.ndarray | None = None

    def source(
        self,
        teacher: AbstractDistribution,
        *,
        wanted: bool,
        num_draws: int = 0,
        key: PRNGKeyArray | None = None,
    ) -> Callable[[PRNGKeyArray, int], Any] | None:
        """What draws batches: of these rows or, if rows are wanted and there are none, of draws of the teacher."""
        x, condition = self.x, self.condition
        if x is None and wanted:
            if teacher.kinds[1] == "none":
                raise ValueError("distill: the teacher cannot draw. Give `data`, or leave `forward` and `extra` out.")
            if condition is not None:
                condition = condition[np.arange(num_draws) % len(condition)]
            assert key is not None
            x = teacher.sample(key, num_draws if condition is None else (), condition)
        if x is None and condition is None:
            return None
        return _drawer(teacher.event_shape, *(None if a is None else jnp.asarray(a) for a in (x, condition)))


def _checked(teacher: AbstractDistribution, data: ArrayLike | None, condition: ArrayLike | None) -> _Rows:
    conditions = conditions_of(teacher, condition)
    if (conditions is None) != (teacher.cond_shape is None):
        what = "needs" if conditions is None else "takes no"
        raise ValueError(f"distill: the teacher {what} `condition`, shape {teacher.cond_shape} a row.")
    if conditions is not None and teacher.cond_shape is not None:
        as_batch("distill", "condition", conditions, teacher.cond_shape)
    x = None if data is None else np.asarray(as_batch("distill", "data", data, teacher.event_shape))
    for name, array in {"data": x, "condition": conditions}.items():
        if array is not None and (not len(array) or not np.isfinite(array).all()):
            raise DataError(f"distill: `{name}` has no rows, or some that are not finite.", "leave such rows out")
    if x is None:
        return _Rows(None, conditions, None, conditions)
    if conditions is not None and len(x) != len(conditions):
        raise DataError(
            f"distill: {len(x)} rows of data, and {len(conditions)} conditions.", "give one condition for each row"
        )
    if len(x) < LEAST_ROWS:
        raise DataError(f"distill: needs at least {LEAST_ROWS} rows of data, got {len(x)}.", "leave `data` out")
    train = len(x) - round(HELD_OUT * len(x))
    parts = (None, None) if conditions is None else (conditions[:train], conditions[train:])
    return _Rows(x[:train], parts[0], x[train:], parts[1])


LEAST_ROWS = 10


def _drawer(event: Shape, x: Array | None, condition: Array | None) -> Callable[[PRNGKeyArray, int], Any]:
    def draw(key: PRNGKeyArray, n: int) -> Any:
        known = x if x is not None else condition
        assert known is not None
        chosen = jax.random.randint(key, (n,), 0, len(known))
        events = jnp.zeros((n, *event)) if x is None else x[chosen]
        return events if condition is None else (events, condition[chosen])

    return draw
