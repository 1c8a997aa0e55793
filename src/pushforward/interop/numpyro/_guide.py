"""An automatic guide from any recipe."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist
from jaxtyping import PRNGKeyArray
from numpyro.infer.autoguide import AutoContinuous
from numpyro.infer.initialization import init_to_median

from pushforward._errors import did_you_mean
from pushforward.bijections import Affine, Chain
from pushforward.distributions import AbstractDistribution, Transformed
from pushforward.flows import RECIPES
from pushforward.interop.numpyro._distribution import FlowDistribution
from pushforward.interop.numpyro._param import param, with_params
from pushforward.interop.numpyro._transform import BijectionTransform

Build = Callable[..., AbstractDistribution]


class FlowGuide(AutoContinuous):
    r"""A guide over all latent variables, a flow of their unconstrained values: for SVI, and for NeuTra.

    $x = a(f(z))$ with $z$ of the recipe's base, $f$ its map, and a trained affine map $a$ that starts at the initial
    values with a scale of `init_scale`. Training draws samples and needs their density, so a recipe that is quick from
    the base to the data is best: `"iaf"`, `"realnvp"`, `"planar"`, `"nsf"`. For NeuTra tails decide: beyond its box a
    spline is a straight line, and NUTS mixes slowly there (on a banana the spread came out a tenth too small).

    Args:
        model: A NumPyro model with continuous latent variables.
        recipe: A name in `pushforward.flows.RECIPES` of a flow on the line, or a function `build(dim, *, key)`.
        options: For the recipe, such as `{"num_layers": 4, "width": 32}`.
        prefix: Of the names of sites.
        init_loc_fn: Where latent variables start, see `numpyro.infer.initialization`.
        init_scale: Spread of the guide at the start, in units of the unconstrained values.
        key: For the initial weights; None for `jax.random.key(0)`.

    Raises:
        ValueError: If the recipe is not known, or is not a flow on the line with an exact density.

    Example:
        >>> import numpyro, numpyro.distributions as dist
        >>> from numpyro.infer import SVI, Trace_ELBO
        >>> from pushforward.interop.numpyro import FlowGuide
        >>> def model():
        ...     numpyro.sample("b", dist.Normal(numpyro.sample("a", dist.Normal()) ** 2, 0.3))
        >>> guide = FlowGuide(model, "realnvp", options={"num_layers": 2, "width": 8})
        >>> result = SVI(model, guide, numpyro.optim.Adam(0.01), Trace_ELBO()).run(key, 10, progress_bar=False)
        >>> guide.sample_posterior(key, result.params, sample_shape=(5,))["a"].shape
        (5,)

    Reference:
        Hoffman, Sountsov, Dillon, Langmore, Tran & Vasudevan (2019), NeuTra-lizing bad geometry in Hamiltonian Monte
        Carlo using neural transport.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        recipe: str | Build = "iaf",
        *,
        options: Mapping[str, Any] | None = None,
        prefix: str = "auto",
        init_loc_fn: Callable[..., Any] = init_to_median,
        init_scale: float = 0.1,
        key: PRNGKeyArray | None = None,
    ):
        if not init_scale > 0:
            raise ValueError(f"FlowGuide: `init_scale` must be positive, got {init_scale}.")
        self._build, self._options = _checked_recipe(recipe), dict(options or {})
        self._init_scale, self._key = init_scale, jax.random.key(0) if key is None else key
        AutoContinuous.__init__(self, model, prefix=prefix, init_loc_fn=init_loc_fn)

    def get_base_dist(self) -> dist.Distribution:
        """The base of the flow."""
        return FlowDistribution(self._flow.base)

    def flow(self, params: Mapping[str, Any]) -> Transformed:
        """The trained flow, of all unconstrained latent variables in one vector.

        Args:
            params: What SVI has found, `result.params`.
        """
        return Transformed(self._flow.base, with_params(self._flow.bijection, params[self._site]))

    @property
    def _site(self) -> str:
        return f"{self.prefix}_bijection"

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        AutoContinuous._setup_prototype(self, *args, **kwargs)
        built = self._build(int(self.latent_dim), key=self._key, **self._options)
        flow = _checked_flow(built)
        start = Affine(self._init_latent, jnp.full(self.latent_dim, self._init_scale))
        self._flow = Transformed(flow.base, Chain([flow.bijection, start]))

    def _get_posterior(self) -> dist.TransformedDistribution:
        bijection = param(self._site, self._flow.bijection)
        return dist.TransformedDistribution(self.get_base_dist(), [BijectionTransform(bijection)])


def _checked_recipe(recipe: str | Build) -> Build:
    if not isinstance(recipe, str):
        return recipe
    on_line = [name for name, entry in RECIPES.items() if entry.events == "line"]
    if recipe not in on_line:
        raise ValueError(
            f"FlowGuide: `recipe` must be a flow on the line, got {recipe!r}; {did_you_mean(recipe, on_line)}"
        )
    return RECIPES[recipe].build


def _checked_flow(flow: AbstractDistribution) -> Transformed:
    if not isinstance(flow, Transformed) or not flow.exact or flow.cond_shape is not None:
        raise ValueError(
            f"FlowGuide: a guide needs an unconditional flow, a base and a map with an exact density, got "
            f"`{type(flow).__name__}`. Take a recipe such as 'nsf', 'realnvp' or 'iaf'."
        )
    return flow
