"""What the solver of a flow in continuous time does with data."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike

from pushforward._errors import PushforwardError, as_batch, check_condition
from pushforward.bijections import Continuous
from pushforward.bijections.continuous._ode import OdeSolve
from pushforward.diagnostics._map import _steps
from pushforward.distributions import AbstractDistribution, Embedded, Fitted, Transformed
from pushforward.distributions._fitted import conditions_of, flow_of

FINER = 0.01


class SolverReport(NamedTuple):
    """The way of some rows from the data to the base through one layer.

    Attributes:
        solver: The Runge-Kutta method.
        rtol: Relative tolerance of a step.
        atol: Absolute tolerance of a step.
        max_steps: Steps after which it gives up.
        finished: Whether it came to the end within them.
        steps: Steps taken, the same ones for all rows.
        rejected: Steps that were tried beside those, and found too long.
        evaluations: How often the velocity was evaluated for all rows together.
        log_det_error: Largest difference of a log-det to the one at a hundredth of the tolerance, in nats.
    """

    solver: str
    rtol: float
    atol: float
    max_steps: int
    finished: bool
    steps: int
    rejected: int
    evaluations: int
    log_det_error: float


def solver_report(
    flow: AbstractDistribution | Fitted, x: ArrayLike | Any, condition: ArrayLike | Any = None
) -> tuple[SolverReport, ...]:
    """Steps, evaluations and errors of every `Continuous` layer of a flow, from the data to the base.

    Args:
        flow: Or a fitted estimator, with at least one such layer, such as `flows.ffjord` gives.
        x: Data, `(n, *event_shape)`, or a data frame, solved as one batch.
        condition: `(n, *cond_shape)` for a conditional flow.

    Raises:
        PushforwardError: If the flow has no such layer.
        ValueError: If a shape does not fit.

    Example:
        >>> flow = pf.flows.ffjord(2, key=jax.random.key(0))
        >>> solver_report(flow, jnp.eye(2))[0].finished
        True
    """
    flow = flow_of("solver_report", flow)
    x, condition = np.asarray(x), conditions_of(flow, condition)
    check_condition("solver_report", condition, flow.cond_shape)
    events = jnp.moveaxis(as_batch("solver_report", "x", x, flow.event_shape), 0, -1)
    given = None
    if condition is not None and flow.cond_shape is not None:
        given = jnp.moveaxis(as_batch("solver_report", "condition", condition, flow.cond_shape), 0, -1)
    while isinstance(flow, Embedded):
        given, flow = flow._embed(given), flow.distribution
    reports = []
    for step in _steps(flow.bijection)[::-1] if isinstance(flow, Transformed) else []:
        if isinstance(step, Continuous):
            end = step.solution(events, given)
            reports.append(_report(step, end, step.solution(events, given, finer=FINER)))
            events = end.x
        else:
            events, _ = step._inverse_many(events, given, None)
    if not reports:
        raise PushforwardError("solver_report: the flow has no `Continuous` layer", "give it one from `flows.ffjord`")
    return tuple(reports)


def _report(layer: Continuous, end: OdeSolve, finer: OdeSolve) -> SolverReport:
    return SolverReport(
        *layer.settings,
        finished=bool(end.finished),
        steps=int(end.steps),
        rejected=int(end.rejected),
        evaluations=int(end.evaluations),
        log_det_error=float(jnp.max(jnp.abs(end.sums[0] - finer.sums[0]))),
    )
