"""Classes as conditions: what a density says of labels, with few of them or many."""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._errors import check_positive
from pushforward.bijections import AbstractBijection
from pushforward.distributions import AbstractDistribution, Embedded, Transformed
from pushforward.objectives._batch import Batch


@dataclasses.dataclass(frozen=True)
class ByClass:
    r"""Make the objective $-w \log p(x) - \log p(y \mid x)$, with $p(x) = \sum_c \pi_c\, p(x \mid c)$.

    The flow's condition is the number of the class, `(1,)`. With $w = 1$ and labels everywhere it is the likelihood of
    rows and labels, $-\log \pi_y\, p(x \mid y)$; a smaller $w$ spends the flow on telling classes apart. A row without
    a label counts by $-w \log p(x)$ alone.

    Args:
        log_priors: $\log \pi_c$, one for each class.
        weight: $w$, positive.
        unlabelled: The number that stands for a row without a label, not that of a class.

    Raises:
        ValueError: If the weight is not positive, or a class has no prior.

    Example:
        >>> objective = pf.objectives.ByClass((np.log(0.5), np.log(0.5)), weight=0.1)
        >>> objective.weight
        0.1

    Reference:
        Nalisnick, Matsukawa, Teh, Gorur & Lakshminarayanan (2019), Hybrid models with deep and invertible features,
        eq. 3. Izmailov, Kirichenko, Finzi & Wilson (2020), Semi-supervised learning with normalizing flows, eq. 7.
    """

    log_priors: tuple[float, ...]
    weight: float = 1.0
    unlabelled: int | None = None

    def __post_init__(self) -> None:
        check_positive("ByClass", "weight", jnp.asarray(self.weight, jnp.result_type(float)))
        if not self.log_priors:
            raise ValueError("ByClass: `log_priors` needs one number for each class, got none.")

    def __call__(
        self, flow: AbstractDistribution, batch: Batch, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, ""], dict[str, Array]]:
        Batch.check("ByClass", batch)
        x, condition = batch.columns(flow)
        if condition is None or condition.shape[0] != 1:
            raise ValueError("ByClass: the flow must be conditional on the number of the class, shape (1,).")
        count = len(self.log_priors)
        joint = class_log_probs(flow, x, count, key) + jnp.asarray(self.log_priors)[:, None]
        marginal = jax.nn.logsumexp(joint, axis=0)
        labels = condition[0].astype(jnp.int32)
        here = jnp.take_along_axis(joint, jnp.clip(labels, 0, count - 1)[None], axis=0)[0]
        has_label = jnp.ones_like(here, bool) if self.unlabelled is None else labels != self.unlabelled
        told = jnp.where(has_label, here - marginal, 0.0)
        of_x = marginal if batch.log_det is None else marginal + batch.log_det
        right = jnp.where(has_label, jnp.argmax(joint, axis=0) == labels, False)
        accuracy = jnp.sum(right) / jnp.maximum(jnp.sum(has_label), 1)
        return batch.mean(-self.weight * of_x - told), {"accuracy": accuracy.astype(x.dtype)}


def class_log_probs(
    flow: AbstractDistribution, x: Array, num_classes: int, key: PRNGKeyArray | None
) -> Float[Array, "classes batch"]:
    r"""$\log p(x \mid c)$ of each class; in one pass of the map where only the base sees the class."""
    codes = jnp.arange(num_classes, dtype=x.dtype)

    def of(density: AbstractDistribution, at: Array, embedding: AbstractBijection | None) -> Array:
        def given(code: Array) -> Array:
            condition = jnp.full((1, x.shape[-1]), code)
            if embedding is not None:
                condition = embedding._inverse_many(condition, None, None)[0]
            return density._log_prob_many(at, condition, key)

        return jax.vmap(given)(codes)

    if isinstance(flow, Embedded) and isinstance(flow.embedding, AbstractBijection):
        inner = flow.distribution
        if isinstance(inner, Transformed) and inner.bijection.cond_shape is None:
            z, log_det = inner.bijection._inverse_many(x, None, key)
            return of(inner.base, z, flow.embedding) + log_det
    return of(flow, x, None)
