"""FFJORD, and the same model trained by flow matching: flows in continuous time."""

from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.bijections import Continuous
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled


@compiled
def ffjord(
    dim: int,
    *,
    width: int = 64,
    depth: int = 3,
    activation: Activation = "tanh",
    trace: str = "hutchinson",
    solver: str = "tsit5",
    rtol: float = 1e-5,
    atol: float = 1e-5,
    max_steps: int = 1000,
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """One equation `dx/dt = v(t, x)` with a free network as velocity, solved both ways.

    Args:
        dim: Number of coordinates.
        width: Hidden units of the velocity; the paper uses 64 on toy data, 10 to 20 times `dim` on tables.
        depth: Hidden layers of the velocity; the paper uses 3.
        activation: Of the velocity; "tanh" or "softplus" in the paper.
        trace: In training; "exact" takes `dim` passes, and is the better choice in a few dimensions.
        solver: "tsit5", "dopri5" or "dopri8"; the paper uses "dopri5".
        rtol: Relative tolerance of a step; the paper uses 1e-6 on tables and 1e-5 on images.
        atol: Absolute tolerance of a step; the paper uses 1e-8 on tables and 1e-5 on images.
        max_steps: Steps after which the solver gives up.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Grathwohl, Chen, Bettencourt, Sutskever & Duvenaud (2019), FFJORD: free-form continuous dynamics for scalable
        reversible generative models.

    Note:
        One equation, where the paper stacks up to ten on tables. Time joins the inputs of the network as one more
        coordinate; its length is 1 and not learned. Gradients are those of the solver's steps, not of an adjoint
        equation, and in reverse mode alone: `jax.jvp`, `jax.jacfwd` and `jax.hessian` are refused. They are exact for
        the steps taken, but do not see that other parameters would have led to other steps.
    """
    layer = Continuous(
        dim,
        trace=trace,
        solver=solver,
        rtol=rtol,
        atol=atol,
        max_steps=max_steps,
        width=width,
        depth=depth,
        cond_dim=cond_dim,
        activation=activation,
        key=key,
    )
    return Transformed(Normal.standard((dim,)), layer)


@compiled
def flow_matching(
    dim: int,
    *,
    width: int = 128,
    depth: int = 3,
    activation: Activation = "silu",
    solver: str = "tsit5",
    rtol: float = 1e-5,
    atol: float = 1e-5,
    max_steps: int = 1000,
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """`ffjord` to be trained by `objectives.flow_matching`, which solves no equation until the flow is used.

    Args:
        dim: Number of coordinates.
        width: Hidden units of the velocity.
        depth: Hidden layers of the velocity.
        activation: Of the velocity; a smooth one.
        solver: "tsit5", "dopri5" or "dopri8".
        rtol: Relative tolerance of a step.
        atol: Absolute tolerance of a step.
        max_steps: Steps after which the solver gives up.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Lipman, Chen, Ben-Hamu, Nickel & Le (2023), Flow matching for generative modeling.

    Note:
        The estimators train this recipe by flow matching; with `fit`, give `objective=objectives.flow_matching`.
    """
    layer = Continuous(
        dim,
        trace="exact",
        solver=solver,
        rtol=rtol,
        atol=atol,
        max_steps=max_steps,
        width=width,
        depth=depth,
        cond_dim=cond_dim,
        activation=activation,
        key=key,
    )
    return Transformed(Normal.standard((dim,)), layer)
