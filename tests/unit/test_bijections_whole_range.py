"""Elementwise maps beside mpmath over the whole range of the type: value and log-det of both directions."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

import references as r
from cases import perturb, uneven
from pushforward import bijections as b
from pushforward.bijections.manifold._circular import MAX_RADIUS
from pushforward.data._support import Support
from pushforward.data._units import Units

mp.mp.dps = 50
WANTED = {"float32": 1e-5, "float64": 1e-12}
SOLVED = 1e17
"""As far as a solver looks for what an analytic direction has no limit for (docs/concepts/numerics.md)."""
Numbers = str | tuple[float, float]


class Case(NamedTuple):
    """A map, and what it is.

    Attributes:
        build: Makes the map, of a scalar.
        forward: Value and log-slope of one number, or what makes these from the map and its parameters.
        inverse: Of the other direction; None where it is to be found from `forward`.
        inputs: Which numbers go in: "real", "positive", or the ends of an interval.
        outputs: Which numbers come out.
        floor: Errors of values are relative to the value, but to no less than this: where a sum crosses zero, its
            parts count.
        bound: How many times `WANTED` it may be off, where its docstring or docs/concepts/numerics.md says so.
        most: The largest number that goes in, where it says so too.
    """

    build: Callable[[], b.AbstractBijection]
    forward: Callable
    inverse: Callable | None = None
    inputs: Numbers = "real"
    outputs: Numbers = "real"
    floor: float = 0.0
    bound: float = 1.0
    most: float = np.inf


def drawn(map_: b.AbstractBijection) -> b.AbstractBijection:
    """With parameters that are not those of the start."""
    return perturb(map_, 0.7)


def of(bijection, both):
    return Case(bijection, *both)


def made(
    build: Callable[[], b.AbstractBijection], reference: Callable, ends: Numbers = "real", most: float = np.inf
) -> Case:
    """A map with parameters; the reference is made from them, and its inverse by Newton's steps."""
    return Case(lambda: drawn(build()), reference, None, ends, ends, floor=5.0, most=most)


def knots(map_: b.AbstractBijection, slopes: list) -> Callable:
    bound = getattr(map_, "bound", np.pi)
    return r.rational_quadratic(map_, bound, slopes)


def line(build, slope: float, shift: float = 0.0) -> Case:
    return Case(build, *r.line(slope, shift), floor=abs(shift))


INTERVALS = [(0.0, 1.0), (-1.0, 2.0), (-1.0, 0.0), (0.0, 2.0**20), (0.0, 2.0**-20), (3.0, 4.0)]
KEY = jax.random.key(3)
CIRCLE = (-3.125, 3.125)
CASES = {
    "Exp": Case(b.Exp, r.exp, r.log, outputs="positive"),
    "Log": Case(b.Log, r.log, r.exp, inputs="positive"),
    "Square": Case(b.Square, r.power(2.0), r.power(0.5), "positive", "positive"),
    **{
        f"Power({p})": Case(lambda p=p: b.Power(p), r.power(p), r.power(1 / mp.mpf(p)), "positive", "positive")
        for p in (1.7, 3.0, -0.5, 0.1)
    },
    **{
        f"Sigmoid{e}": Case(
            lambda e=e: b.Sigmoid((), *e), r.sigmoid(*e), r.logit(*e), outputs=e, floor=min(map(abs, e))
        )
        for e in INTERVALS
    },
    **{f"Logit{e}": Case(lambda e=e: b.Logit((), *e), r.logit(*e), r.sigmoid(*e), e) for e in INTERVALS[::3]},
    "Tanh": Case(b.Tanh, r.tanh, r.arctanh, outputs=(-1.0, 1.0)),
    **{f"LeakyTanh({m})": of(lambda m=m: b.LeakyTanh(m), r.leaky_tanh(m)) for m in (0.5, 3.0, 20.0)},
    **{f"LongTails({k})": of(lambda k=k: b.LongTails(k), r.long_tails(k)) for k in (0.0, 4.0)},
    "Softplus": Case(b.Softplus, r.softplus, r.softplus_inverse, outputs="positive"),
    # The exponent of what comes out carries its own rounding.
    **{
        f"SinhArcsinh{p}": Case(lambda p=p: b.SinhArcsinh(*p), *r.sinh_arcsinh(*p), bound=1 + abs(p[0] * p[1]))
        for p in ((0.0, 1.0), (0.25, 1.25), (5.0, 10.0), (-2.0, 0.25))
    },
    **{f"Affine({s})": line(lambda s=s: b.Affine(3.0, s), s, 3.0) for s in (2.0**-120, 2.0**-9, 2.0**120)},
    "Scale": line(lambda: b.Scale(2.0**-90), 2.0**-90),
    "Shift": line(lambda: b.Shift(3.0), 1.0, 3.0),
    "Standardize": line(lambda: b.Standardize(0.5, 2.0**100), 2.0**100, 0.5),
    "GatedAffine": Case(lambda: b.GatedAffine(3.0, 1.5), *r.gated(1.5, 3.0), floor=3.0),
    "GatedAffine(-18)": Case(lambda: b.GatedAffine(3.0, -18.0), *r.gated(-18.0, 3.0), floor=3.0),
    "SigmoidAffine": line(lambda: b.SigmoidAffine(3.0, -20.0), 1 + mp.exp(18), 3.0),
    "TanhAffine": line(lambda: b.TanhAffine(3.0, 0.5, 10.0), mp.exp(10 * mp.tanh(0.5)), 3.0),
    "NormalQuantile": Case(b.NormalQuantile, r.normal_quantile, r.normal_quantile_inverse),
    "Equalize": Case(lambda: uneven(b.Equalize((), 5)), r.equalize, None, outputs=(0.0, 5.0), floor=5.0, most=10.0),
    "RationalQuadraticSpline": made(
        lambda: b.RationalQuadraticSpline(5, bound=3.0), lambda m: knots(m, [0.0, *m.slopes_raw, 0.0])
    ),
    "IntervalSpline": made(lambda: b.IntervalSpline(5), lambda m: knots(m, [*m.slopes_raw]), (-1.0, 1.0)),
    "CircularSpline": made(lambda: b.CircularSpline(5), lambda m: knots(m, [*m.slopes_raw, m.slopes_raw[0]]), CIRCLE),
    "CircularShift": Case(
        lambda: b.CircularShift(2.0),
        lambda x: (r.wrapped(x + 2), mp.mpf(0)),
        lambda y: (r.wrapped(y - 2), mp.mpf(0)),
        CIRCLE,
        CIRCLE,
        floor=5.0,
    ),
    "Mobius(1)": made(lambda: b.Mobius(1), lambda m: r.mobius(m, MAX_RADIUS), CIRCLE),
    "Mobius(3)": made(lambda: b.Mobius(3), lambda m: r.mobius(m, MAX_RADIUS), CIRCLE),
    "QuadraticSpline": made(lambda: b.QuadraticSpline(5, bound=3.0), r.quadratic_spline),
    "LinearSpline": made(lambda: b.LinearSpline(5, bound=2.0), r.linear_spline),
    "DeepSigmoidal": made(lambda: b.DeepSigmoidal(4), r.deep_sigmoidal, most=30.0),
    "DenseSigmoidal": made(lambda: b.DenseSigmoidal(3), r.dense_sigmoidal, most=30.0),
    "SumOfSquares": made(lambda: b.SumOfSquares(2, 3), r.sum_of_squares),
    "Bernstein": made(lambda: b.Bernstein(8), r.bernstein),
    "MonotoneNetwork": made(lambda: b.MonotoneNetwork(2, width=4, depth=1, num_nodes=9, key=KEY), r.monotone_network),
    "ClenshawCurtisNetwork": made(
        lambda: b.ClenshawCurtisNetwork(2, width=4, depth=1, num_nodes=9, key=KEY), r.clenshaw_curtis
    ),
}


def numbers(what: Numbers, dtype: str, count: int = 60) -> np.ndarray:
    """Of every size that the type has, and of ordinary sizes; of an interval as near to both ends as the type goes."""
    rng, info = np.random.default_rng(0), np.finfo(dtype)
    # Twice the least, so that a half is not flushed to zero.
    least, most = np.log(4.0 * info.tiny), np.log(info.max)
    size = np.exp(np.concatenate([rng.uniform(least, most, count), rng.uniform(-4.0, 4.0, count)]))
    if what == "positive":
        return size.astype(dtype)
    if what == "real":
        return np.concatenate([size, -size, [0.0]]).astype(dtype)
    low, high = what
    share = np.concatenate([np.exp(rng.uniform(least, 0.0, count)), rng.uniform(size=count)])
    found = np.concatenate([low + (high - low) * share, high - (high - low) * share]).astype(dtype)
    within = (found > np.dtype(dtype).type(low)) & (found < np.dtype(dtype).type(high))
    return found[within & ((found == 0) | (np.abs(found) >= 4.0 * info.tiny))]


class Asked(NamedTuple):
    x: np.ndarray
    y: np.ndarray
    log_slope: np.ndarray


def asked(bijection: b.AbstractBijection, direction: str, x: np.ndarray) -> Asked:
    method = bijection._forward_pointwise if direction == "forward" else bijection._inverse_pointwise
    y, log_slope = jax.jit(jax.vmap(method))(jnp.asarray(x))
    assert y.dtype == log_slope.dtype == x.dtype
    return Asked(x, np.asarray(y), np.asarray(log_slope))


def worst(found: Asked, reference: Callable, floor: float) -> tuple[mp.mpf, mp.mpf, int]:
    """The largest errors of value and log-det where the type holds the answer, and how many numbers these were."""
    info, value_error, log_error, count = np.finfo(found.x.dtype), mp.mpf(0), mp.mpf(0), 0
    for x, y, log_slope in zip(*(array.tolist() for array in found), strict=True):
        wanted, wanted_log = reference(mp.mpf(x), y)
        if max(abs(wanted), abs(wanted_log)) > float(info.max) or 0 < abs(wanted) < 4.0 * float(info.tiny):
            continue
        assert np.isfinite([y, log_slope]).all(), (x, y, log_slope)
        count += 1
        value_error = max(value_error, abs(y - wanted) / max(abs(wanted), floor, info.tiny))
        log_error = max(log_error, abs(log_slope - wanted_log) / max(1, abs(wanted_log)))
    return value_error, log_error, count


def forward_of(case: Case, bijection: b.AbstractBijection) -> Callable:
    reference = case.forward(bijection) if case.inverse is None else case.forward
    reference = reference[0] if isinstance(reference, tuple) else reference
    return lambda x, y: reference(x)


def inverse_of(case: Case, bijection: b.AbstractBijection) -> Callable:
    if case.inverse is not None:
        return lambda x, y: case.inverse(x)
    forward = forward_of(case, bijection)

    def inverse(x, y):
        back = r.root(lambda z: forward(z, None), x, mp.mpf(y))
        return back, -forward(back, None)[1]

    return inverse


SOLVED_IN_FLOAT32 = {"SumOfSquares", "MonotoneNetwork", "ClenshawCurtisNetwork"}
"""Their roots are found to rounding in programs as users compile them. `make test` compiles plainly, with other
roundings, and now and then a bracket then stays open; so they are tested by `make test-all`."""


def _whole_range() -> list:
    return [
        pytest.param(
            name,
            dtype,
            direction,
            marks=pytest.mark.slow
            if name in SOLVED_IN_FLOAT32 and (dtype, direction) == ("float32", "inverse")
            else (),
        )
        for name in CASES
        for dtype in ("float32", "float64")
        for direction in ("forward", "inverse")
    ]


@pytest.mark.parametrize(("name", "dtype", "direction"), _whole_range())
def test_value_and_log_det_are_right_over_the_whole_range(name: str, dtype: str, direction: str) -> None:
    case = CASES[name]
    with jax.enable_x64(dtype == "float64"):
        bijection = jax.tree.map(lambda leaf: leaf.astype(dtype), case.build())
        x = numbers(case.inputs if direction == "forward" else case.outputs, dtype)
        kind = bijection.forward_kind if direction == "forward" else bijection.inverse_kind
        found = asked(bijection, direction, x[np.abs(x) <= min(case.most, SOLVED if kind == "iterative" else np.inf)])
    reference = forward_of(case, bijection) if direction == "forward" else inverse_of(case, bijection)
    value_error, log_error, count = worst(found, reference, case.floor)
    assert count > 20
    wanted = case.bound * WANTED[dtype]
    assert max(float(value_error), float(log_error)) <= wanted


SUPPORTS = {
    "unbounded": (Support(), np.array([-3.0, 5.0]), r.line(1.0, 0.0)),
    "positive": (Support(0.0), np.array([1e-9, 1e9]), (r.exp, r.log)),
    "above 2": (Support(2.0), np.array([2.5, 9.0]), (lambda x: (2 + mp.exp(x), x), lambda y: r.log(y - 2))),
    "from 0 to 1": (Support(0.0, 1.0), np.array([1e-30, 0.5]), (r.sigmoid(0, 1), r.logit(0, 1))),
    "from 1 to 5": (Support(1.0, 5.0), np.array([1.001, 4.0]), (r.sigmoid(1, 5), r.logit(1, 5))),
    "circular": (Support(-180.0, 180.0, circular=True), np.array([0.0, 1.0]), r.line(1.0, 0.0)),
}


@pytest.mark.parametrize("direction", ["forward", "inverse"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SUPPORTS)
def test_supports_of_columns_are_right_over_the_whole_range(name: str, dtype: str, direction: str) -> None:
    support, values, (up, down) = SUPPORTS[name]
    with jax.enable_x64(dtype == "float64"):
        bijection = Units.of(["x"], [support], values[:, None]).bijection()
        standardize = bijection.bijections[0] if isinstance(bijection, b.Chain) else bijection
        loc, scale = (mp.mpf(float(leaf[0])) for leaf in (standardize.loc, standardize.scale))
        ends = (
            "real" if support.low is None or support.circular else "positive" if support.high is None else support[:2]
        )
        x = numbers("real" if direction == "forward" else ends, dtype)
        # Beyond, what is added to a limit is no number of the type.
        most = 80.0 if ends != "real" else 1e30
        x = (
            x[np.abs(float(loc) + float(scale) * x) < most]
            if direction == "forward"
            else x[x > (support.low or -np.inf)]
        )
        y, log_slope = jax.vmap(getattr(bijection, f"{direction}_and_log_det"))(jnp.asarray(x)[:, None])
        found = Asked(x, np.asarray(y)[:, 0], np.asarray(log_slope))

    def reference(x, _):
        if direction == "forward":
            y, log_slope = up(loc + scale * x)
            return y, log_slope + mp.log(scale)
        y, log_slope = down(x)
        return (y - loc) / scale, log_slope - mp.log(scale)

    value_error, log_error, count = worst(found, reference, floor=max(float(abs(loc) / scale), support.low or 0.0))
    assert count > 20
    # The logarithm of a column is at most 90 (700 in float64), and the rounding of it is relative in the value.
    assert max(float(value_error), float(log_error)) <= 5.0 * WANTED[dtype]
