"""IAF: inverse autoregressive flow, fast at samples."""

import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.bijections import AbstractBijection, Autoregressive, Chain, Flip, GatedAffine, Inverse, repeat
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled


@compiled
def iaf(
    dim: int,
    *,
    num_layers: int = 5,
    width: int = 128,
    depth: int = 2,
    activation: Activation = "elu",
    flip: bool = True,
    gate: float = 1.5,
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Layers `x_i = g(z_<i) z_i + (1 - g(z_<i)) m(z_<i)`, the order reversed between layers.

    They start from a Gaussian of learned means and spreads. A sample and its own density take one pass; the density of
    other points is solved coordinate by coordinate.

    Args:
        dim: Number of coordinates.
        num_layers: Layers.
        width: Hidden units; the paper uses 320 to 1920.
        depth: Hidden layers.
        activation: Of the networks; ELU as in the paper.
        flip: Whether the order is reversed between layers. Without, each coordinate is Gaussian given those before it,
            as in Parallel WaveNet and ClariNet, and the divergence from such a teacher has a closed form.
        gate: What the gates begin at: 1 to 2 in the paper; a layer begins as `x = sigmoid(gate) z`.
        cond_dim: Size of the condition (the paper's context), or None.
        key: For the initial weights.

    Reference:
        Kingma, Salimans, Jozefowicz, Chen, Sutskever & Welling (2016), Improved variational inference with inverse
        autoregressive flow, algorithm 1.

    Note:
        Without weight normalisation. The Gaussian is what an encoder gives in the paper. Made for training by samples
        (`reverse_kl`): by likelihood it learns slowly, since the gradient of a density goes through all the coordinates
        before.
    """
    inner = Inverse(GatedAffine(gate=gate))

    def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
        options = {"width": width, "depth": depth, "cond_dim": cond_dim, "activation": activation}
        one = Inverse(Autoregressive(inner, dim, **options, key=layer_key))
        return Chain([one, Flip((dim,))]) if flip else one

    base = Normal(jnp.zeros(dim))  # pyright: ignore[reportCallIssue]
    return Transformed(base, repeat(layer, num_layers, key))
