"""Learning from another flow: probability density distillation."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._errors import check_part, did_you_mean
from pushforward._functions import Held, hashable
from pushforward.distributions import AbstractDistribution
from pushforward.distributions._layout import batch_first, batch_last
from pushforward.distributions._steps import draws_with_steps, has_steps, kl_of_steps, rows_with_steps, steps_at
from pushforward.objectives._batch import Batch, Objective
from pushforward.objectives._reverse_kl import fault_of

ExtraLoss = Callable[[Array, Batch], Array]
"""From draws of the student `(n, *event_shape)` and the batch to a scalar that is added to the loss."""

DISTILLATION_GRADIENTS = ("auto", "steps", "path", "total")


def distillation(
    teacher: AbstractDistribution,
    *,
    forward: float = 0.0,
    num_samples: int = 256,
    gradient: str = "auto",
    extra: ExtraLoss | None = None,
) -> Objective:
    r"""Make the objective $(1 - w)\,\mathrm{KL}(q \| p) + w\,\mathrm{KL}(p \| q)$, the student $q$ and its teacher $p$.

    In nats. The first part, which alone trains by default, is taken over the student's own draws, scored by both. It
    needs a teacher whose density is exact and quick, and a student that is quick to sample, such as `flows.iaf`; the
    student may leave out what the teacher can do. The second part is taken over the rows of the batch, which must then
    be draws of the teacher; it covers all that the teacher can do. `distill` sees to it.

    With a condition, the student draws once for each row of the batch, given its condition.

    Args:
        teacher: An exact density. It is not trained.
        forward: $w$, from 0 to 1.
        num_samples: Draws of the student per step, where there is no condition.
        gradient: `"steps"`: each step's divergence in closed form, of both parts, where both laws are Gaussian in each
            coordinate given those before it, as are `flows.made` and `flows.iaf(..., flip=False)`. A student whose
            density is in sequence is then asked at the noise that gives the rows, found without gradients: the rows
            move with it, and what is least is the same. The others are of the first part alone. `"path"`:
            through the draws only; it has no variance where the student equals its teacher, and needs the student's
            density at its draws, which for an IAF is the slow direction. `"total"`: of the draws and of the density
            that comes with them. `"auto"` is the first of these that can be had in one pass.
        extra: A loss in data space besides, such as `power_loss`, scaled as you see fit.

    Returns:
        An objective with the metric `kl`, that of the first part in nats (0 where it is left out).

    Raises:
        ValueError: If a number is out of range or a gradient is unknown, or, when called, the shapes or conditions of
            the two differ, or the gradient cannot be had.
        TypeError: If the teacher is not a distribution.

    Example:
        >>> teacher = pf.distributions.Normal(jnp.ones(2), 2.0)
        >>> student = pf.flows.iaf(2, flip=False, key=key)
        >>> loss, metrics = pf.objectives.distillation(teacher)(student, pf.objectives.Batch(), key=key)
        >>> bool(loss > 0)
        True

    Reference:
        van den Oord et al. (2018), Parallel WaveNet, section 3. Ping, Peng & Chen (2019), ClariNet, eq. 7, for the
        closed form. Roeder, Wu & Duvenaud (2017), Sticking the landing, eq. 6, for the path.
    """
    check_part("distillation", "teacher", teacher, AbstractDistribution, "Write `distillation(teacher)`.")
    if not 0 <= forward <= 1:
        raise ValueError(f"distillation: `forward` must be from 0 to 1, got {forward}.")
    if num_samples < 1:
        raise ValueError(f"distillation: `num_samples` must be at least 1, got {num_samples}.")
    if gradient not in DISTILLATION_GRADIENTS:
        legal = did_you_mean(gradient, DISTILLATION_GRADIENTS)
        raise ValueError(f"distillation: unknown gradient {gradient!r}; {legal}")
    if forward < 1 and not (teacher.exact and teacher.kinds[0] != "none"):
        raise ValueError(
            "distillation: the density of the teacher is "
            f"{'a bound or an estimate' if teacher.kinds[0] != 'none' else 'not to be had'}, and the student's draws "
            "are to be scored by it. Use forward=1, which needs the teacher's draws alone."
        )
    return _Distillation(Held(teacher), forward, num_samples, gradient, None if extra is None else hashable(extra))


@dataclasses.dataclass(frozen=True)
class _Distillation:
    teacher: Held
    forward: float
    num_samples: int
    gradient: str
    extra: ExtraLoss | None

    def __call__(
        self, flow: AbstractDistribution, batch: Batch, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, ""], dict[str, Array]]:
        Batch.check("distillation", batch)
        teacher = self.teacher.function
        check_pair("distillation", teacher, flow)
        loss = kl = jnp.zeros(())
        if self.forward < 1:
            x, each = self._reverse(teacher, flow, self._conditions(flow, batch), key)
            kl = jnp.mean(each) if flow.cond_shape is None else batch.mean(each)
            loss = (1.0 - self.forward) * kl
            if self.extra is not None:
                loss = loss + self.extra(batch_first(x), batch)
        if self.forward > 0:
            x, condition = batch.columns(flow)
            loss = loss + self.forward * batch.mean(self._forward(teacher, flow, x, condition, key))
        return loss, {"kl": jax.lax.stop_gradient(kl)}

    def cause(self, flow: AbstractDistribution, key: PRNGKeyArray) -> str | None:
        """What is wrong with the teacher's density at the draws of this key, in words, or None."""
        teacher = self.teacher.function
        if flow.cond_shape is not None or self.forward == 1:
            return None
        x = flow._sample_many(key, self.num_samples, None, None)
        return fault_of("teacher.log_prob", x, teacher._log_prob_many(x, None, None))

    def _conditions(self, flow: AbstractDistribution, batch: Batch) -> Array | None:
        if flow.cond_shape is None:
            return None
        if batch.condition is None:
            raise ValueError("distillation: the flows are conditional, and the batch has no `condition`.")
        return batch_last(batch.condition, batch.condition.shape[:1], flow.cond_shape)

    def _forward(
        self,
        teacher: AbstractDistribution,
        flow: AbstractDistribution,
        x: Array,
        condition: Array | None,
        key: PRNGKeyArray,
    ) -> Array:
        """What each row says of the divergence from the teacher."""
        if self.gradient in ("auto", "steps") and self._both_have_steps(teacher, flow):
            x, own = rows_with_steps(flow, x, condition)
            return kl_of_steps(steps_at(teacher, x, condition), own)
        return teacher._log_prob_many(x, condition, key) - flow._log_prob_many(x, condition, key)

    def _reverse(
        self, teacher: AbstractDistribution, flow: AbstractDistribution, condition: Array | None, key: PRNGKeyArray
    ) -> tuple[Array, Array]:
        """Draws of the student, and what each says of the divergence."""
        n = self.num_samples if condition is None else condition.shape[-1]
        gradient = self._chosen(teacher, flow)
        if gradient == "steps":
            x, own = draws_with_steps(flow, key, n, condition)
            return x, kl_of_steps(own, steps_at(teacher, x, condition))
        if gradient == "path":
            x = flow._sample_many(key, n, condition, None)
            log_q = jax.lax.stop_gradient(flow)._log_prob_many(x, condition, None)
        else:
            x, log_q = flow._sample_and_log_prob_many(key, n, condition)
        return x, log_q - teacher._log_prob_many(x, condition, None)

    def _both_have_steps(self, teacher: AbstractDistribution, flow: AbstractDistribution) -> bool:
        """Whether steps can be compared; a ValueError where they cannot and are asked for."""
        steps = has_steps(teacher) and has_steps(flow)
        if self.gradient == "steps" and not steps:
            raise ValueError(
                'distillation: gradient="steps" needs two laws that are Gaussian in each coordinate given those before '
                'it, such as `flows.made` and `flows.iaf(..., flip=False)`. Use "auto".'
            )
        return steps

    def _chosen(self, teacher: AbstractDistribution, flow: AbstractDistribution) -> str:
        steps = self._both_have_steps(teacher, flow)
        path = flow.exact and flow.kinds[0] == "analytic"
        if self.gradient == "auto":
            return "steps" if steps else "path" if path else "total"
        if self.gradient == "path" and not flow.exact:
            raise ValueError('distillation: the student has no exact density for the path gradient. Use "total".')
        return self.gradient


def check_pair(name: str, teacher: AbstractDistribution, student: AbstractDistribution) -> None:
    """Teacher and student are about the same events, given the same conditions.

    Raises:
        ValueError: If they are not.
    """
    for what, noun in (("event_shape", "events"), ("cond_shape", "conditions")):
        wanted, found = getattr(teacher, what), getattr(student, what)
        if wanted != found:
            raise ValueError(
                f"{name}: the teacher has {noun} of shape {wanted}, and the student of shape {found}. Build the "
                "student for the teacher's shape."
            )


def power_loss(draws: Array, batch: Batch, *, frame: int = 64) -> Float[Array, ""]:
    r"""Distance of the mean power spectra of draws and data, $\frac1F\sum_f (\log P_f - \log P^{data}_f)^2$.

    $P_f$ is the power at frequency $f$ in frames of a signal, half overlapping, under a Hann window, averaged over
    frames and rows. Give it to `distillation(..., extra=power_loss)`, with data as rows of the batch.

    Args:
        draws: Signals `(n, length)`.
        batch: Its `x` are signals of the data, `(rows, length)`.
        frame: Samples in a frame; longer than the signal, one frame holds all of it.

    Raises:
        ValueError: If the batch has no signals, or a signal is not a vector.

    Reference:
        van den Oord et al. (2018), Parallel WaveNet, section 4.1.

    Note:
        The paper takes powers, not their logarithms, and frames of speech.
    """
    if batch.x is None or draws.ndim != 2:
        raise ValueError("power_loss: needs signals `(n, length)`, and signals of the data as `x` of the batch.")
    ours, theirs = _power(draws, frame), _power(jnp.asarray(batch.x), frame)
    floor = POWER_FLOOR * jnp.mean(theirs) + LEAST_POWER
    return jnp.mean((jnp.log(ours + floor) - jnp.log(theirs + floor)) ** 2)


def _power(signals: Array, frame: int) -> Array:
    frame = min(frame, signals.shape[-1])
    starts = jnp.arange(0, signals.shape[-1] - frame + 1, max(frame // 2, 1))
    framed = signals[:, starts[:, None] + jnp.arange(frame)] * jnp.hanning(frame)
    waves = jnp.fft.rfft(framed, axis=-1)
    return jnp.mean(waves.real**2 + waves.imag**2, axis=(0, 1))


POWER_FLOOR = 1e-6
"""Of the data's mean power, which a silent frequency counts as: 60 dB below, where the logarithm would be -inf."""

LEAST_POWER = 1e-20
"""So that silence beside silence is 0, and its gradient too."""
