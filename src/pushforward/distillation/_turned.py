"""The student that a teacher of autoregressive layers has by itself: each layer turned round."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from pushforward._errors import as_key
from pushforward._functions import Held
from pushforward.bijections import AbstractBijection, Affine, Autoregressive, Chain, Inverse, Scan
from pushforward.bijections.coupling._templates import back_from, fill
from pushforward.distributions import AbstractDistribution, Mixture, Normal, Transformed
from pushforward.distributions._made import Autoregression
from pushforward.nets import MADE
from pushforward.objectives import Batch

ACTIVATION = "elu"
"""Of the student's networks, as in the paper on IAF."""


def turned_round(
    teacher: AbstractDistribution, *, width: int | None = None, depth: int | None = None, key: PRNGKeyArray
) -> AbstractDistribution:
    r"""The student of a teacher whose layers are autoregressive: the same layers, but each sees noise, not data.

    A layer $x_i = g(z_i; \theta(x_{<i}))$ of the teacher, slow at samples, becomes $x_i = g(z_i; \phi(z_{<i}))$, fast
    at them: MAF becomes IAF. Since $x_{<i}$ is a function of $z_{<i}$, there is a $\phi$ that makes them equal. All
    else, base and supports and the maps between layers, are the teacher's. `distill` builds this student if it is given
    none.

    Args:
        teacher: With `Autoregressive` layers, such as `flows.maf`, `nsf_ar` or `made`; or a mixture with such a part,
            as small tables have.
        width: Hidden units of the new networks; None for as many as the teacher's have.
        depth: Hidden layers; None for as many.
        key: For the initial weights.

    Raises:
        ValueError: If the teacher has no such layer, or one that follows a graph or has a network of your own.

    Example:
        >>> student = pf.distillation.turned_round(pf.flows.maf(3, key=key), key=key)
        >>> student.kinds
        ('sequential', 'analytic')

    Reference:
        Papamakarios, Pavlakou & Murray (2017), Masked autoregressive flow for density estimation, section 3.2.
    """
    key = as_key("turned_round", key)
    turned = _turned_if(teacher, width, depth, key)
    if turned is teacher:
        raise ValueError(
            "turned_round: the teacher has no `Autoregressive` layers to turn round. Give `distill` a student, such as "
            "`flows.iaf(dim, key=key)` or `flows.nsf(dim, key=key)`."
        )
    return turned


def _turned_if(
    part: AbstractDistribution, width: int | None, depth: int | None, key: PRNGKeyArray
) -> AbstractDistribution:
    """A flow turned round, of a mixture every part that can be; itself where it has no such layers."""
    if isinstance(part, Mixture):
        keys = jax.random.split(key, len(part.components))
        turned = tuple(_turned_if(one, width, depth, k) for one, k in zip(part.components, keys, strict=True))
        same = all(one is old for one, old in zip(turned, part.components, strict=True))
        return part if same else eqx.tree_at(lambda one: one.components, part, turned)
    flow = as_transformed(part)
    if flow is None or not layers_in(flow.bijection):
        return part
    return Transformed(flow.base, _turned(flow.bijection, width, depth, key))


def pairs_of(
    teacher: AbstractDistribution, student: AbstractDistribution
) -> list[tuple[Transformed, AbstractDistribution]]:
    """The parts of a teacher that have layers, with those of the student that were turned round from them."""
    if isinstance(teacher, Mixture) and isinstance(student, Mixture):
        both = zip(teacher.components, student.components, strict=True)
        return [pair for one, other in both for pair in pairs_of(one, other)]
    flow = as_transformed(teacher)
    return [(flow, student)] if flow is not None and layers_in(flow.bijection) else []


def as_transformed(teacher: AbstractDistribution) -> Transformed | None:
    """A teacher as a base behind a map; of `made`, a layer behind a normal law with the same network."""
    if isinstance(teacher, Transformed):
        return teacher
    if not (isinstance(teacher, Autoregression) and teacher.law == "gaussian" and teacher.num_orders == 1):
        return None
    layer = Autoregressive(Affine(), teacher.net.dim, net=teacher.net, cond_dim=teacher.net.cond_dim)
    return Transformed(Normal.standard(teacher.event_shape), layer)


def layers_in(bijection: AbstractBijection) -> list[Autoregressive]:
    """The autoregressive layers of a map, a stack of them as one."""
    if isinstance(bijection, Chain):
        return [layer for part in bijection.bijections for layer in layers_in(part)]
    if isinstance(bijection, Scan):
        return layers_in(bijection.stacked)
    return [bijection] if isinstance(bijection, Autoregressive) else []


def _turned(bijection: AbstractBijection, width: int | None, depth: int | None, key: PRNGKeyArray) -> AbstractBijection:
    if isinstance(bijection, Chain):
        keys = jax.random.split(key, len(bijection.bijections))
        return Chain([_turned(part, width, depth, k) for part, k in zip(bijection.bijections, keys, strict=True)])
    if isinstance(bijection, Scan):
        keys = jax.random.split(key, bijection.num_layers)
        return Scan([_turned(layer, width, depth, k) for layer, k in zip(bijection.layers(), keys, strict=True)])
    return _turned_layer(bijection, width, depth, key) if isinstance(bijection, Autoregressive) else bijection


def _turned_layer(layer: Autoregressive, width: int | None, depth: int | None, key: PRNGKeyArray) -> Inverse:
    net = layer.net
    if not isinstance(net, MADE) or net.parents is not None or net.num_categories is not None:
        raise ValueError(
            "turned_round: a layer of the teacher follows a graph or has a network of your own. Give `distill` a "
            "student, such as `flows.iaf(dim, key=key)`."
        )
    inner = layer.inner.bijection if isinstance(layer.inner, Inverse) else Inverse(layer.inner)
    width, depth = net.width if width is None else width, len(net.weights) - 1 if depth is None else depth
    turned = Autoregressive(
        inner, net.dim, width=width, depth=depth, cond_dim=net.cond_dim, activation=ACTIVATION,
        circular=net.circular, unit=net.unit, key=key,
    )  # fmt: skip
    if layer.order is not None:
        turned = eqx.tree_at(lambda one: one.order, turned, layer.order, is_leaf=lambda leaf: leaf is None)
    return Inverse(turned)


class Matching:
    """The objective by which the layers of a student that was turned round learn those of its teacher."""

    def __init__(self, teacher: AbstractDistribution, num_samples: int):
        self._teacher, self._num_samples = Held(teacher), num_samples

    def __call__(
        self, flow: AbstractDistribution, batch: Batch, *, key: PRNGKeyArray
    ) -> tuple[Array, dict[str, Array]]:
        condition = None if batch.condition is None else jnp.moveaxis(batch.condition, 0, -1)
        n = self._num_samples if condition is None else condition.shape[-1]
        total = jnp.zeros(())
        for teacher, student in pairs_of(self._teacher.function, flow):
            assert isinstance(student, Transformed)
            z = teacher.base._sample_many(key, n, condition, None)
            total = total + layer_errors(teacher.bijection, student.bijection, z, condition)[1]
        return total, {}


def layer_errors(
    teacher: AbstractBijection, student: AbstractBijection, z: Array, condition: Array | None
) -> tuple[Array, Array]:
    r"""Where noise `(dim, batch)` goes in the teacher, and how far each layer of the student is from its on the way.

    Each layer of the student gets what the teacher's layer gets. Its answer is taken back through the teacher's $g$
    with the teacher's numbers, where it should be $z$: $\sum_i \log(1 + (z'_i - z_i)^2)$, summed over layers, a mean
    over the batch. That is in units of the noise, so that a narrow ridge of the density counts as much as a wide one,
    and no single draw counts for many.
    """
    if isinstance(teacher, Chain) and isinstance(student, Chain):
        total = jnp.zeros((), z.dtype)
        for one, other in zip(teacher.bijections, student.bijections, strict=True):
            z, error = layer_errors(one, other, z, condition)
            total = total + error
        return z, total
    if isinstance(teacher, Scan) and isinstance(student, Scan):

        def step(z: Array, pair: tuple[AbstractBijection, AbstractBijection]) -> tuple[Array, Array]:
            return layer_errors(*pair, z, condition)

        z, errors = jax.lax.scan(step, z, (teacher.stacked, student.stacked))
        return z, jnp.sum(errors)
    x = teacher._forward_many(z, condition, None)[0]
    if isinstance(teacher, Autoregressive) and isinstance(student, Inverse):
        return x, _layer_error(teacher, student.bijection, z, x, condition)
    return x, jnp.zeros((), z.dtype)


def _layer_error(
    teacher: Autoregressive, student: AbstractBijection, z: Array, x: Array, condition: Array | None
) -> Array:
    assert isinstance(student, Autoregressive)
    z, x = teacher._in_order(z), teacher._in_order(x)
    own = fill(teacher.inner, teacher.net(x, condition))
    learned = fill(student.inner, student.net(z, condition))
    back = back_from(own, back_from(learned, z)[0])[0]
    return jnp.mean(jnp.sum(jnp.log1p((back - z) ** 2), axis=0))
