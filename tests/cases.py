"""The one table of everything: a line here buys an entry every law."""

from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from own_nets import Masked, Pixels
from pushforward import bijections as b
from pushforward import flows
from pushforward.bijections import AbstractBijection
from pushforward.nets import WaveNet
from pushforward.testing import perturb as perturb


@dataclass(frozen=True)
class Case:
    """One bijection with what the laws need to know of it.

    Attributes:
        name: Shown by pytest.
        build: From a key; parameters are perturbed afterwards, so that no case is tested at its identity start.
        domain: Where inputs of `forward` are drawn: "real", "positive", "unit" or "circle" (from -pi to pi).
        knots: Inputs at which the map is spliced together, tested beside random ones.
        whole_line: Whether inputs far from the data must give finite values and gradients.
        noise: How much parameters are perturbed; a stack of many wild layers is invertible, but not in float32.
        tolerance: How far off a solver with tolerances of its own may be; 0 for the laws' own tolerances.
        slow: Whether it is left to `make test-all`: a stack that takes long to compile, of layers that are cases.
    """

    name: str
    build: Callable[[Array], AbstractBijection]
    domain: str = "real"
    knots: tuple[float, ...] = ()
    whole_line: bool = True
    noise: float = 0.4
    tolerance: float = 0.0
    slow: bool = False

    @property
    def far(self) -> bool:
        """Whether inputs far from the data are tried."""
        return self.whole_line and self.domain == "real" and not self.name.endswith("_conditional")

    def bijection(self, key: Array) -> AbstractBijection:
        """As it starts."""
        return jax.jit(self.build)(key)


D = 3
SMALL = {"width": 8, "depth": 2}
SOLVED = {"width": 6, "depth": 1, "solver": "dopri5", "rtol": 1e-8, "atol": 1e-8}
ATTENTION = {"width": 8, "depth": 2, "num_heads": 2}
INNERS: dict[str, Callable[[], AbstractBijection]] = {
    "affine": b.Affine,
    "shift": b.Shift,
    "rounded_shift": lambda: b.RoundedShift(unit=2.0),
    "gated": b.GatedAffine,
    "rqs": lambda: b.RationalQuadraticSpline(4, bound=3.0),
    "rqs_inverted": lambda: b.Inverse(b.RationalQuadraticSpline(4, bound=3.0)),
    "quadratic": lambda: b.QuadraticSpline(4, bound=3.0),
    "linear_spline": lambda: b.LinearSpline(4, bound=3.0),
    "sinh_arcsinh": lambda: b.SinhArcsinh(0.1, 1.2),
    "chain": lambda: b.Chain([b.Affine(), b.LeakyTanh(), b.Affine()]),
    "numerical": lambda: b.NumericalInverse(b.Chain([b.Affine(), b.SinhArcsinh(0.1, 1.2)])),
}


def uneven(map_: b.Equalize) -> b.Equalize:
    """With a histogram that falls, and a bin that the data had nothing of."""
    heights = 1.0 / jnp.arange(1.0, map_.bins + 1.0).at[1].set(1e4)
    return eqx.tree_at(lambda m: m.log_probs, map_, jnp.log(heights))


def _elementwise() -> list[Case]:
    return [
        Case("exp", lambda k: b.Exp((D,)), whole_line=False),
        Case("log", lambda k: b.Log((D,)), "positive"),
        Case("square", lambda k: b.Square((D,)), "positive"),
        Case("power", lambda k: b.Power(1.7, (D,)), "positive"),
        Case("power_negative", lambda k: b.Power(-0.5, (D,)), "positive"),
        Case("sigmoid", lambda k: b.Sigmoid((D,), -1.0, 2.0), whole_line=False),
        Case("logit", lambda k: b.Logit((D,)), "unit"),
        Case("tanh", lambda k: b.Tanh((D,)), whole_line=False),
        Case("leaky_tanh", lambda k: b.LeakyTanh(2.0, (D,)), knots=(2.0, -2.0)),
        Case("long_tails", lambda k: b.LongTails(1.0, (D,)), knots=(1.0, -1.0), whole_line=False),
        Case("softplus", lambda k: b.Softplus((D,)), whole_line=False),
        Case("sinh_arcsinh", lambda k: b.SinhArcsinh(jnp.array([0.0, 0.3, -0.5]), 1.3)),
        Case("affine", lambda k: b.Affine(jnp.ones(D), 2.0)),
        Case("affine_scalar", lambda k: b.Affine(1.0, 2.0)),
        Case("affine_matrix_event", lambda k: b.Affine(jnp.ones((2, 2)), 2.0)),
        Case("shift", lambda k: b.Shift(jnp.ones(D))),
        Case("scale", lambda k: b.Scale(jnp.array([0.5, 1.0, 2.0]))),
        Case("gated_affine", lambda k: b.GatedAffine(jnp.ones(D))),
        Case("standardize", lambda k: b.Standardize(jnp.arange(3.0), jnp.array([0.1, 1.0, 50.0]))),
        Case("rqs", lambda k: b.RationalQuadraticSpline(8, bound=3.0, shape=(D,)), knots=(3.0, -3.0, 0.0)),
        Case("quadratic_spline", lambda k: b.QuadraticSpline(5, bound=2.0, shape=(D,)), knots=(0.0,)),
        Case("linear_spline", lambda k: b.LinearSpline(6, bound=2.0, shape=(D,))),
        Case("equalize", lambda k: uneven(b.Equalize((D,), 5)), knots=(0.0,), whole_line=False),
        Case("normal_quantile", lambda k: b.NormalQuantile((D,))),
        Case("deep_sigmoidal", lambda k: b.DeepSigmoidal(4, shape=(D,))),
        Case("mixture_cdf", lambda k: b.mixture_cdf(3, shape=(D,))),
        Case("dense_sigmoidal", lambda k: b.DenseSigmoidal(4, shape=(D,))),
        Case("sum_of_squares", lambda k: b.SumOfSquares(2, 2, bound=3.0, shape=(D,)), knots=(3.0, -3.0, 0.0)),
        Case("bernstein", lambda k: b.Bernstein(6, bound=3.0, shape=(D,)), knots=(0.0,)),
        Case("monotone_network", lambda k: b.MonotoneNetwork(2, width=6, depth=1, shape=(D,), key=k), knots=(0.0,)),
        Case(
            "clenshaw_curtis_network",
            lambda k: b.ClenshawCurtisNetwork(2, width=6, depth=1, num_nodes=65, shape=(D,), key=k),
            knots=(0.0,),
        ),
    ]


def _vectors() -> list[Case]:
    return [
        Case("identity", lambda k: b.Identity((D,))),
        Case("permute", lambda k: b.Permute([2, 0, 1])),
        Case("flip", lambda k: b.Flip((D,))),
        Case("reshape", lambda k: b.Reshape((2, 3), (6,))),
        Case("concatenate", lambda k: b.Concatenate([b.Affine(jnp.ones(2)), b.LU(3)])),
        Case("triangular", lambda k: b.TriangularAffine(jnp.ones(D), jnp.eye(D))),
        Case("lu", lambda k: b.LU(D)),
        Case("householder", lambda k: b.Householder(D, key=k)),
        Case("linear", lambda k: b.Linear(D, key=k)),
        Case("actnorm", lambda k: b.ActNorm(D)),
        Case("whitening", lambda k: b.Whitening(D)),
        Case("planar", lambda k: b.Planar(D, key=k)),
        Case("radial", lambda k: b.Radial(D, key=k)),
        Case("inverse", lambda k: b.Inverse(b.LU(D))),
        Case("chain", lambda k: b.Chain([b.LU(D), b.Flip((D,)), b.Affine(jnp.ones(D))])),
        Case("scan", lambda k: b.Scan([b.Chain([b.LU(D), b.Flip((D,))]) for _ in range(3)])),
        Case("conditioned_planar", lambda k: b.Conditioned(b.Planar(D, key=k), 2, width=8, key=k)),
        Case("conditioned_affine", lambda k: b.Conditioned(b.Affine(jnp.zeros(D)), 2, width=8, key=k)),
        Case("numerical_inverse", lambda k: b.NumericalInverse(b.SinhArcsinh(jnp.zeros(D), 1.3))),
        Case("continuous", lambda k: b.Continuous(2, **SOLVED, key=k), tolerance=1e-6),
    ]


def _circular() -> list[Case]:
    inner = lambda: b.Chain([b.Mobius(1), b.CircularShift(0.5)])  # noqa: E731
    return [
        Case("circular_shift", lambda k: b.CircularShift(jnp.array([0.5, -1.0, 20.0])), "circle"),
        Case("circular_spline", lambda k: b.CircularSpline(5, shape=(D,)), "circle", knots=(0.0, -np.pi, 3.1)),
        Case("interval_spline", lambda k: b.IntervalSpline(5, bound=np.pi, shape=(D,)), "circle"),
        Case("mobius", lambda k: b.Mobius(3, shape=(D,)), "circle", knots=(0.0, -3.1, 3.1)),
        Case("mobius_one", lambda k: b.Mobius(1, shape=(D,)), "circle"),
        Case("coupling_circular", lambda k: b.Coupling(inner(), D, circular=True, key=k, **SMALL), "circle"),
        Case("ar_circular", lambda k: b.Autoregressive(inner(), D, circular=True, key=k, **SMALL), "circle"),
        Case("cylinder_to_degrees", lambda k: b.Chain([b.Tanh((2,)), b.CylinderToDegrees()]), whole_line=False),
    ]


def _couplings() -> list[Case]:
    cases = []
    for name, inner in INNERS.items():
        knots = (3.0, -3.0) if name.startswith("rqs") else ()
        # Far out at wild weights, a sinh inside saturates: its slope rounds to 0, and 1 / slope is the root's gradient.
        options = {"knots": knots, "whole_line": name != "numerical"}
        cases.append(Case(f"coupling_{name}", lambda k, i=inner: b.Coupling(i(), D, key=k, **SMALL), **options))
        cases.append(Case(f"ar_{name}", lambda k, i=inner: b.Autoregressive(i(), D, key=k, **SMALL), **options))
    return [
        *cases,
        Case("coupling_conditional", lambda k: b.Coupling(b.Affine(), D, cond_dim=2, key=k, **SMALL)),
        Case("coupling_one_column", lambda k: b.Coupling(b.Affine(), 1, cond_dim=2, key=k, **SMALL)),
        Case("ar_conditional", lambda k: b.Autoregressive(b.Affine(), D, cond_dim=2, key=k, **SMALL)),
        Case("ar_one_column", lambda k: b.Autoregressive(b.Affine(), 1, cond_dim=2, key=k, **SMALL)),
        Case("ar_blocked", lambda k: b.Autoregressive(b.Affine(), 11, width=24, key=k)),
        Case("ar_blocked_narrow", lambda k: b.Autoregressive(b.Affine(), 13, width=5, cond_dim=2, key=k)),
        Case("ar_graph", lambda k: b.Autoregressive(b.Affine(), D, adjacency=np.eye(D)[[2, 0, 1]] * [1, 1, 0], key=k)),
        Case("ar_inverted", lambda k: b.Inverse(b.Autoregressive(b.Affine(), D, key=k, **SMALL))),
        Case("transformer", lambda k: b.TransformerAutoregressive(b.Affine(), 5, group_size=2, key=k, **ATTENTION)),
        Case(
            "transformer_conditional",
            lambda k: b.TransformerAutoregressive(INNERS["rqs_inverted"](), D, cond_dim=2, key=k, **ATTENTION),
            knots=(3.0, -3.0),
        ),
    ]


def _images() -> list[Case]:
    tiny = {"width": 4, "grey_levels": None}
    recipes = {
        "glow": lambda k: flows.glow((8, 8, 1), num_levels=1, num_steps=1, key=k, **tiny),
        "glow_lu_conditional": lambda k: flows.glow(
            (4, 4, 1), num_levels=2, num_steps=1, coupling="additive", linear="lu", cond_dim=2, key=k, **tiny
        ),
        "realnvp_image": lambda k: flows.realnvp_image((4, 4, 1), num_levels=1, depth=1, key=k, **tiny),
        "nsf_image": lambda k: flows.nsf_image((4, 4, 1), num_levels=1, num_steps=1, depth=2, key=k, **tiny),
        "tarflow_image": lambda k: flows.tarflow_image(
            (4, 4, 1), patch=2, num_layers=2, depth=1, num_heads=2, cond_dim=2, key=k, **tiny
        ),
        "mintnet_image": lambda k: flows.mintnet_image(
            (4, 4, 1), num_levels=2, num_layers=2, depth=1, cond_dim=2, key=k, **tiny
        ),
        "residual_image": lambda k: flows.residual_image(
            (4, 4, 1), num_levels=2, num_layers=1, depth=1, cond_dim=2, key=k, **tiny
        ),
        "iunet": lambda k: flows.iunet((4, 4, 1), num_levels=2, num_steps=1, key=k, **tiny),
        "idf_image": lambda k: flows.idf_image(
            (4, 4, 1), num_levels=1, num_steps=2, width=4, depth=2, cond_dim=2, key=k
        ),
        "nice_image": lambda k: flows.nice_image((4, 4, 1), num_layers=2, depth=1, key=k, **tiny),
    }
    slow_to_compile = ("idf_image", "iunet", "mintnet_image", "realnvp_image", "residual_image", "tarflow_image")
    net = {"width": 4}
    return [
        Case("checkerboard", lambda k: b.Checkerboard((3, 4, 2))),
        Case("squeeze", lambda k: b.Squeeze((4, 2, 2))),
        Case("orthogonal_squeeze", lambda k: b.OrthogonalSqueeze((4, 2, 2))),
        Case("actnorm_image", lambda k: b.ActNorm((2, 2, 3))),
        Case("each_pixel", lambda k: b.EachPixel(b.Linear(3, key=k), (2, 2))),
        Case("sigmoid_affine", lambda k: b.SigmoidAffine(jnp.ones(D), jnp.linspace(-4.0, 4.0, D))),
        Case("tanh_affine", lambda k: b.TanhAffine(jnp.ones(D))),
        Case("coupling_channels", lambda k: b.Coupling(b.Affine(), (4, 4, 3), key=k, **net)),
        Case(
            "coupling_checkerboard",
            lambda k: b.Coupling(
                b.TanhAffine(), (3, 4, 1), checkerboard=1, depth=2, residual=True, cond_dim=2, key=k, **net
            ),
        ),
        Case(
            "coupling_attention",
            lambda k: b.Coupling(b.Affine(), (2, 2, 3), attention=2, cond_dim=2, depth=1, key=k, **net),
        ),
        *(
            Case(f"flow_{name}", _bijection_of(build), noise=0.1, slow=name in slow_to_compile)
            for name, build in recipes.items()
        ),
    ]


def _sounds() -> list[Case]:
    net = {"width": 4, "depth": 2}
    local = lambda k: WaveNet((8, 1), (2, 8, 2), cond_dim=(4, 2), frames="linear", key=k, **net)  # noqa: E731
    causal = lambda k: WaveNet((5,), (2, 5), causal=True, cond_dim=(5, 2), kernel=2, key=k, **net)  # noqa: E731
    recipes = {
        "waveglow": lambda k: flows.waveglow(12, group_size=4, num_flows=2, early_every=1, key=k, **net),
    }
    return [
        Case("actnorm_sequence", lambda k: b.ActNorm((4, 3))),
        Case("each_time", lambda k: b.EachPixel(b.Linear(3, key=k), (4,))),
        Case("multi_scale_sequence", lambda k: b.MultiScale([b.ActNorm((4, 1)), b.Reshape((4, 2), (8,))])),
        Case("coupling_sequence", lambda k: b.Coupling(b.Affine(), (6, 3), key=k, **net)),
        Case("coupling_sequence_speaker", lambda k: b.Coupling(b.Affine(), (6, 3), cond_dim=2, key=k, **net)),
        Case("coupling_sequence_frames", lambda k: b.Coupling(b.Affine(), (8, 3), net=local(k), cond_dim=(4, 2))),
        Case("ar_wavenet", lambda k: b.Autoregressive(b.Affine(), 5, net=causal(k), cond_dim=(5, 2))),
        Case("actnorm_joint", lambda k: b.ActNorm((4, 3), joint=True)),
        *(Case(f"flow_{name}", _bijection_of(build), noise=0.1) for name, build in recipes.items()),
    ]


HEAVY_PLAIN = {"gaussianization", "tarflow", "bernstein", "sos", "bnaf", "naf", "nsf-ar", "residual", "mintnet"}
CONDITIONAL = {"nsf", "maf", "realnvp", "planar"}
"""Stacks whose layers are cases take long to compile: these few are tested conditionally by `make test`."""


def _recipes() -> list[Case]:
    cases = []
    for name, recipe in flows.RECIPES.items():
        if name in ("ffjord", "flow-matching"):
            continue  # "continuous" is their one layer, and takes half a minute to compile
        if name == "iresnet":
            continue  # the map of "residual": without a key they differ in the activation alone
        if name.startswith("made") or name == "maf-orders":
            continue  # a distribution without a bijection: tests/unit/test_distributions.py
        if name == "vae" or recipe.events in ("image", "sound", "series"):
            # random both ways: tests/unit/test_vae.py; `_images`, `_sounds`; no map: tests/unit/test_series_flow.py
            continue
        if recipe.events in ("integers", "categories"):
            continue  # they have laws of their own: tests/unit/test_flows_discrete.py
        if recipe.events == "sphere":
            continue  # its Jacobian is not square: tests/unit/test_flows_circular.py
        domain = "circle" if recipe.events == "circle" else "real"
        # These share their stack with "naf", which is tested conditionally.
        for cond_dim in (None,) if name in ("sos", "bernstein", "umnn") else (None, 2):
            suffix = "" if cond_dim is None else "_conditional"
            options = {"num_layers": 2} if "num_layers" in recipe.options() else {}
            build = lambda k, r=recipe, o=options, c=cond_dim: r.build(D, width=8, depth=1, cond_dim=c, key=k, **o)  # noqa: E731
            if "num_layers" not in recipe.options() and cond_dim is None:
                build = lambda k, r=recipe: r.build(D, key=k)  # noqa: E731
            slow = name in HEAVY_PLAIN if cond_dim is None else name not in CONDITIONAL
            cases.append(Case(f"flow_{name}{suffix}", _bijection_of(build), domain, slow=slow))
    return cases


def _bijection_of(build):
    return lambda key: build(key).bijection


def _own_networks() -> list[Case]:
    """Layers with a network as a user writes it."""

    def mlp(in_size: int, out_size: int, key: Array) -> eqx.nn.MLP:
        return eqx.nn.MLP(in_size, out_size, 8, 2, activation=jax.nn.tanh, key=key)

    spline = lambda: b.RationalQuadraticSpline(4, bound=3.0)  # noqa: E731
    shape = (2, 2, 2)
    return [
        Case("own_coupling", lambda k: b.Coupling(b.Affine(), 4, net=mlp(2, 4, k))),
        Case("own_coupling_conditional", lambda k: b.Coupling(spline(), 3, net=mlp(3, 22, k), cond_dim=2)),
        Case("own_coupling_image", lambda k: b.Coupling(b.Affine(), shape, net=Pixels(1, 2, 1, key=k))),
        Case(
            "own_coupling_checkerboard",
            lambda k: b.Coupling(b.Affine(), shape, checkerboard=1, cond_dim=3, net=Pixels(2, 2, 2, cond_dim=3, key=k)),
        ),
        Case("own_autoregressive", lambda k: b.Autoregressive(spline(), D, net=Masked(D, 11, key=k), order=[2, 0, 1])),
        Case(
            "own_autoregressive_conditional",
            lambda k: b.Autoregressive(b.Affine(), D, net=Masked(D, 2, cond_dim=2, key=k), cond_dim=2),
        ),
        Case("own_conditioned", lambda k: b.Conditioned(b.LU(D), 2, net=mlp(2, b.count_raw(b.LU(D)), k))),
    ]


CASES = {
    case.name: case
    for case in [
        *_elementwise(),
        *_vectors(),
        *_circular(),
        *_couplings(),
        *_images(),
        *_sounds(),
        *_own_networks(),
        *_recipes(),
    ]
}
