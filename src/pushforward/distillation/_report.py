"""How near a student is to its teacher, and how much faster."""

import dataclasses
import math
import time
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import as_seed
from pushforward.diagnostics import weigh
from pushforward.diagnostics._importance import pareto_told
from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.distributions._fitted import conditions_of, flow_of
from pushforward.objectives._distillation import check_pair

MISSED_NATS = 10.0
"""A draw of the teacher that the student finds less likely by this, a factor of 22,000, is missed."""


@dataclasses.dataclass(frozen=True)
class StudentReport:
    r"""A student beside its teacher; all in nats of an event, but for what says otherwise.

    Attributes:
        kl: $\mathrm{KL}(\text{student} \| \text{teacher})$ by the student's draws, without bias.
        kl_error: Its standard error.
        forward_kl: The mean of $\log p_{teacher} - \log p_{student}$ over draws of the teacher, or over rows that were
            given; None if the student's density is not to be had.
        forward_error: Its standard error, or None.
        missed: Share of those draws that the student finds less likely than the teacher by more than 10 nats, or None.
        pareto_k: Shape of the tail of the weights of the student's draws for the teacher; above 0.7 the student has
            too little where the teacher has much.
        teacher_score: Mean log-density under the teacher of the student's draws.
        teacher_entropy: Minus the mean log-density under the teacher of its own draws, or None if it cannot draw.
        draws_a_second: Of the teacher and of the student, compiled and warm; None if not measured, or not to be had.
        size: Numbers in an event.
        over: What the forward figures are a mean over.
    """

    kl: float
    kl_error: float
    forward_kl: float | None
    forward_error: float | None
    missed: float | None
    pareto_k: float
    teacher_score: float
    teacher_entropy: float | None
    draws_a_second: tuple[float | None, float | None]
    size: int
    over: str

    @property
    def kl_per_dim(self) -> float:
        """`kl` divided by the numbers in an event."""
        return self.kl / self.size

    @property
    def doubt(self) -> str | None:
        """In what the student falls short of its teacher beyond the noise of its density, or None."""
        if self.missed is not None and self.missed > MISSED_SHARE:
            return f"it misses {100 * self.missed:.1f} % of {self.over}: train with forward > 0, such as 0.5"
        if not self.pareto_k < 0.7:
            return "its tails are lighter than the teacher's"
        return None

    def summary(self) -> dict[str, Any]:
        """Plain data; what is not finite becomes None."""
        entries = dataclasses.asdict(self) | {"kl_per_dim": self.kl_per_dim}
        entries["draws_a_second"] = dict(zip(("teacher", "student"), self.draws_a_second, strict=True))
        return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in entries.items()}

    def __str__(self) -> str:
        lines = [
            f"KL(student || teacher) = {self.kl:.4f} ± {self.kl_error:.4f} nats, {self.kl_per_dim:.4f} a dimension",
            pareto_told(self.pareto_k),
        ]
        if self.forward_kl is not None and self.missed is not None:
            lines.append(
                f"over {self.over}: log p of the teacher less the student's {self.forward_kl:.4f} ± "
                f"{self.forward_error:.4f} nats; {100 * self.missed:.1f} % missed"
            )
        if self.teacher_entropy is not None:
            lines.append(
                f"the teacher gives the student's draws {self.teacher_score:.3f} nats, and its own "
                f"{-self.teacher_entropy:.3f}"
            )
        before, after = self.draws_a_second
        if before is not None and after is not None:
            lines.append(f"draws a second: {before:,.0f} by the teacher, {after:,.0f} by the student")
        return "\n".join([*lines, f"verdict: {self.doubt or 'nothing is missed'}"])


MISSED_SHARE = 0.01


def student_report(
    teacher: AbstractDistribution | Fitted,
    student: AbstractDistribution | Fitted,
    *,
    data: ArrayLike | None = None,
    condition: ArrayLike | None = None,
    num_samples: int | None = None,
    speed: bool = True,
    key: PRNGKeyArray | int,
) -> StudentReport:
    r"""Measure a student against its teacher.

    Args:
        teacher: A flow or a fitted estimator with an exact density.
        student: The same, of the same events and conditions.
        data: Rows `(n, *event_shape)` to take in place of the teacher's draws, held out from training.
        condition: `(n, *cond_shape)` for conditional flows; drawn from in turn.
        num_samples: Draws of each; by default 10,000, or fewer of large events such as sounds, a million numbers,
            but at least 32.
        speed: Whether to time draws, which takes a second or two.
        key: A key or a seed.

    Raises:
        ValueError: If the shapes differ, a condition is missing, or there are fewer than 25 draws.
        DataError: If a log-density is NaN.

    Example:
        >>> teacher, student = pf.distributions.Normal(jnp.zeros(2), 1.0), pf.distributions.Normal(jnp.zeros(2), 0.9)
        >>> report = pf.distillation.student_report(teacher, student, speed=False, key=0)
        >>> bool(abs(report.kl - 2 * (np.log(1 / 0.9) + (0.9**2 - 1) / 2)) < 4 * report.kl_error)
        True
    """
    flows = [flow_of("student_report", flow) for flow in (teacher, student)]
    check_pair("student_report", *flows)
    if num_samples is None:
        num_samples = max(min(DRAWS, NUMBERS // math.prod(flows[0].event_shape)), LEAST_DRAWS)
    conditions = _repeated(conditions_of(flows[0], condition), num_samples)
    if flows[0].cond_shape is not None and conditions is None:
        raise ValueError(f"student_report: the flows are conditional; give `condition`, {flows[0].cond_shape} a row.")
    keys = jax.random.split(as_seed("student_report", key), 3)
    log_q, log_p = (np.asarray(a, np.float64) for a in _scored(*flows, num_samples, keys[0], conditions))
    weights = weigh(np.zeros((num_samples, 0)), log_p - log_q)
    rows, entropy = data, None
    given = conditions if data is None else conditions_of(flows[0], condition)
    if flows[0].kinds[1] != "none":
        drawn = flows[0].sample(keys[1], num_samples if conditions is None else (), conditions)
        entropy = -float(np.mean(flows[0].log_prob(drawn, conditions)))
        rows = drawn if data is None else data
    forward = error = missed = None
    if rows is not None and flows[1].kinds[0] != "none":
        lost = np.asarray(flows[0].log_prob(rows, given)) - np.asarray(flows[1].log_prob(rows, given))
        lost = lost.astype(np.float64)
        forward, error = float(np.mean(lost)), float(np.std(lost) / math.sqrt(len(lost)))
        missed = float(np.mean(lost > MISSED_NATS))
    return StudentReport(
        kl=float(np.mean(log_q - log_p)),
        kl_error=float(np.std(log_q - log_p, ddof=1) / math.sqrt(num_samples)),
        forward_kl=forward,
        forward_error=error,
        missed=missed,
        pareto_k=weights.pareto_k,
        teacher_score=float(np.mean(log_p)),
        teacher_entropy=entropy,
        draws_a_second=tuple(_draws_a_second(flow, conditions, keys[2], num_samples) for flow in flows)  # pyright: ignore[reportArgumentType]
        if speed
        else (None, None),
        size=math.prod(flows[0].event_shape),
        over="draws of the teacher" if data is None else "the rows given",
    )


def _repeated(condition: np.ndarray | None, n: int) -> np.ndarray | None:
    return None if condition is None else condition[np.arange(n) % len(condition)]


@partial(jax.jit, static_argnums=2)
def _scored(
    teacher: AbstractDistribution, student: AbstractDistribution, n: int, key: PRNGKeyArray, condition: Any
) -> tuple[Array, Array]:
    last = None if condition is None else jax.numpy.moveaxis(condition, 0, -1)
    x, log_q = student._sample_and_log_prob_many(key, n, last)
    return log_q, teacher._log_prob_many(x, last, None)


SPEED_DRAWS, SPEED_SECONDS = 1024, 0.5
DRAWS, NUMBERS, LEAST_DRAWS = 10_000, 1_000_000, 32


def _draws_a_second(
    flow: AbstractDistribution, condition: np.ndarray | None, key: PRNGKeyArray, at_most: int
) -> float | None:
    """The median over half a second of calls."""
    if flow.kinds[1] == "none":
        return None
    n = min(SPEED_DRAWS, at_most)
    shape = n if condition is None else ()
    rows = None if condition is None else _repeated(condition, n)
    jax.block_until_ready(flow.sample(key, shape, rows))
    times, start = [], time.perf_counter()
    while not times or time.perf_counter() - start < SPEED_SECONDS:
        before = time.perf_counter()
        jax.block_until_ready(flow.sample(key, shape, rows))
        times.append(time.perf_counter() - before)
    return n / float(np.median(times))
