"""Each law finds the map that breaks it, says so in words, and finds nothing else; right maps pass."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest
from jax import Array

from pushforward._roots import solve_increasing
from pushforward.bijections import AbstractBijection, AbstractElementwise, Affine, Coupling
from pushforward.testing import LawError, check_bijection

ROUND_TRIPS = {"inverse undoes forward in float64", "inverse undoes forward in float32"}


class Right(AbstractElementwise):
    """y = s x + t."""

    loc: Array
    log_scale: Array
    shape: tuple[int, ...] = eqx.field(static=True)
    forward_kind = "analytic"
    inverse_kind = "analytic"

    def __init__(self, shape: tuple[int, ...] = (2,)):
        self.loc, self.log_scale, self.shape = jnp.zeros(shape), jnp.zeros(shape), shape

    def _forward_pointwise(self, x):
        return x * jnp.exp(self.log_scale) + self.loc, jnp.broadcast_to(self.log_scale, x.shape)

    def _inverse_pointwise(self, x):
        return (x - self.loc) * jnp.exp(-self.log_scale), jnp.broadcast_to(-self.log_scale, x.shape)


class WrongSign(Right):
    def _forward_pointwise(self, x):
        return Right._forward_pointwise(self, x)[0], -jnp.broadcast_to(self.log_scale, x.shape)

    def _inverse_pointwise(self, x):
        return Right._inverse_pointwise(self, x)[0], jnp.broadcast_to(self.log_scale, x.shape)


class MissingFactor(Right):
    def _forward_pointwise(self, x):
        return 2.0 * Right._forward_pointwise(self, x)[0], jnp.broadcast_to(self.log_scale, x.shape)

    def _inverse_pointwise(self, x):
        return Right._inverse_pointwise(self, x / 2.0)[0], jnp.broadcast_to(-self.log_scale, x.shape)


class LogDetOfTheOtherDirection(Right):
    def _inverse_pointwise(self, x):
        return Right._inverse_pointwise(self, x)[0], jnp.broadcast_to(self.log_scale, x.shape)


class AnotherInverse(Right):
    def _inverse_pointwise(self, x):
        return x * jnp.exp(-self.log_scale), jnp.broadcast_to(-self.log_scale, x.shape)


class LosesDigits(Right):
    def _forward_pointwise(self, x):
        y, log_slope = Right._forward_pointwise(self, x)
        return y.astype(jnp.float16).astype(y.dtype) if y.dtype == jnp.float32 else y, log_slope


class NoGradientFarOut(Right):
    def _inverse_pointwise(self, x):
        y, log_slope = Right._inverse_pointwise(self, x)
        return y + 0.0 * jnp.sqrt(jnp.maximum(1e3 - jnp.abs(x), 0.0)), log_slope


class OverflowsFarOut(Right):
    def _inverse_pointwise(self, x):
        y, log_slope = Right._inverse_pointwise(self, x)
        return y, log_slope + 0.0 * jnp.exp(x / 20.0)


class SeesNeighbours(Right):
    def _forward_many(self, x, condition, key):
        y, log_det = Right._forward_many(self, x, condition, key)
        return y + jnp.mean(x, axis=-1, keepdims=True), log_det


class WrongGradientOfABatch(Right):
    def _inverse_many(self, x, condition, key):
        y, log_det = Right._inverse_many(self, x, condition, key)
        return jax.lax.stop_gradient(y), log_det


class InverseWithoutGradient(Right):
    def _inverse_pointwise(self, x):
        y, log_slope = Right._inverse_pointwise(self, x)
        return jax.lax.stop_gradient(y), log_slope


class SearchesARoot(Right):
    def _inverse_pointwise(self, x):
        y = solve_increasing(lambda v: Right._forward_pointwise(self, v)[0], x, jnp.zeros_like(x))
        return y, jnp.broadcast_to(-self.log_scale, x.shape)


class SearchesARootAndSaysSo(SearchesARoot):
    inverse_kind = "iterative"


class MisspeltKind(Right):
    forward_kind = "closed form"


class LeafOfPython(Right):
    factor: float

    def __init__(self):
        Right.__init__(self)
        self.factor = 1.0


class ShapeOfAnArray(Right):
    @property
    def in_shape(self):
        return self.loc.shape


class HoldsAFunction(Right):
    function: Callable = eqx.field(static=True, default=abs)


class DoesNotLookAtItsInput(Right):
    def forward(self, x, condition=None, *, key=None):
        return self._forward(jnp.zeros(self.shape), None, None)[0]


class OtherAsPlainPython(Right):
    def _forward_pointwise(self, x):
        y, log_slope = Right._forward_pointwise(self, x)
        return y if isinstance(x, jax.core.Tracer) else y + 1.0, log_slope


class Branches(Right):
    def _forward_pointwise(self, x):
        if jnp.any(x > 0):
            return Right._forward_pointwise(self, x)
        return Right._forward_pointwise(self, x)


class LogDetOfEachCoordinate(AbstractBijection):
    in_shape = (2,)
    out_shape = (2,)
    cond_shape = None
    forward_kind = "analytic"
    inverse_kind = "analytic"

    def _forward(self, x, condition, key):
        return 2.0 * x, jnp.full(2, jnp.log(2.0))

    def _inverse(self, x, condition, key):
        return x / 2.0, jnp.full(2, -jnp.log(2.0))


class IgnoresItsCondition(Right):
    cond_shape = (3,)


class SumsOverTheEvent(Right):
    """Right for one scalar; as a template it adds the parameters of all coordinates."""

    def _forward_pointwise(self, x):
        return x + jnp.sum(self.loc), jnp.zeros_like(x)

    def _inverse_pointwise(self, x):
        return x - jnp.sum(self.loc), jnp.zeros_like(x)


BROKEN = {
    WrongSign: {"log det is that of autodiff"},
    MissingFactor: {"log det is that of autodiff"},
    LogDetOfTheOtherDirection: {"log det of the inverse is the negative"},
    AnotherInverse: ROUND_TRIPS,
    LosesDigits: {"inverse undoes forward in float32"},
    NoGradientFarOut: {"far inputs give finite densities and gradients"},
    OverflowsFarOut: {"far inputs give finite densities and gradients"},
    SeesNeighbours: {"a batch is mapped like its events"},
    WrongGradientOfABatch: {"the gradient of a batch is that of its events"},
    InverseWithoutGradient: {"jacobians of the two directions are inverses"},
    SearchesARoot: {"kinds are told honestly"},
    MisspeltKind: {"kinds are told honestly"},
    LeafOfPython: {"every leaf is an array of floats"},
    ShapeOfAnArray: {"shapes are plain data"},
    HoldsAFunction: {"a reload is bit equal"},
    DoesNotLookAtItsInput: {"wrong input is refused in words"},
    OtherAsPlainPython: {"jit changes nothing"},
    LogDetOfEachCoordinate: {"events keep their shape and precision"},
    IgnoresItsCondition: {"the condition matters"},
}


def error_of(bijection: AbstractBijection, **options) -> LawError:
    with pytest.raises(LawError) as caught:
        check_bijection(bijection, **options)
    return caught.value


@pytest.mark.parametrize("cls", BROKEN, ids=lambda cls: cls.__name__)
def test_exactly_the_law_that_is_broken_fails(cls):
    error = error_of(cls())
    assert {failure.law for failure in error.failures} == BROKEN[cls]
    for failure in error.failures:
        assert failure.found
        assert failure.wanted
        assert failure.cause


@pytest.mark.parametrize("cls", [Right, SearchesARootAndSaysSo], ids=lambda cls: cls.__name__)
def test_right_maps_pass(cls):
    assert "log det is that of autodiff" in check_bijection(cls())


def test_a_scalar_map_is_tried_as_a_template():
    assert "works as the inner map of a coupling" in check_bijection(Right(()))
    error = error_of(SumsOverTheEvent(()))
    assert {failure.law.split(":")[0] for failure in error.failures} == {"works as the inner map of a coupling"}


def test_the_text_names_map_law_input_and_cause():
    text = str(error_of(WrongSign()))
    assert text.startswith("WrongSign (2,) -> (2,): 1 of 16 laws fail.")
    assert "1. log det is that of autodiff\n   at      x = [" in text
    assert "wanted" in text
    assert "cause   The formula of the log-det: its sign" in text


def test_a_branch_on_values_is_told_once_with_its_mending():
    (failure,) = error_of(Branches()).failures
    assert failure.law == "kinds are told honestly"  # the first to trace it
    assert "jnp.where" in failure.cause


def test_all_failures_are_collected():
    class Everything(WrongSign):
        forward_kind = "closed form"
        function: Callable = eqx.field(static=True, default=abs)

    assert len({failure.law for failure in error_of(Everything()).failures}) == 3


def test_a_map_of_a_part_of_the_line_says_so():
    class Log(Right):
        def _forward_pointwise(self, x):
            return jnp.log(x), -jnp.log(x)

        def _inverse_pointwise(self, x):
            return jnp.exp(x), x

    check_bijection(Log(), domain="positive")
    assert error_of(Log()).failures


def test_the_sessions_precision_stays_and_does_not_matter(x64):
    check_bijection(Affine(jnp.zeros(2), 2.0))
    assert jnp.zeros(1).dtype == jnp.float64


def test_the_start_of_a_layer_hides_nothing(key):
    class Half(Affine):
        def _inverse_pointwise(self, x):
            return x - self.loc, jnp.zeros_like(x)

    layer = Coupling(Half(), 2, width=4, depth=1, key=key)
    assert error_of(layer).failures
    check_bijection(layer, noise=0.0)


def test_what_is_no_map_is_refused():
    with pytest.raises(TypeError, match="bijection"):
        check_bijection(1.0)
    with pytest.raises(ValueError, match="did you mean 'positive'"):
        check_bijection(Right(), domain="positiv")
    with pytest.raises(ValueError, match=r"points.*in_shape=\(2,\)"):
        check_bijection(Right(), points=jnp.zeros((4, 3)))
