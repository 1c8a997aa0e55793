"""Solvers see one matrix at a time, and agree with those for many."""

from collections.abc import Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from jax.extend.core import ClosedJaxpr, Jaxpr

from pushforward._matrices import inverse, log_abs_det, lower_inverse, lower_solve, orthogonal, orthonormal
from pushforward.flows import RECIPES

SOLVERS = {"lu", "geqrf", "householder_product", "qr", "cholesky", "triangular_solve", "eigh", "svd"}
SMALL = {
    "num_blocks": 2,
    "num_flows": 2,
    "num_layers": 2,
    "num_steps": 2,
    "num_levels": 2,
    "width": 4,
    "depth": 1,
    "num_heads": 1,
    "num_components": 2,
}


def solved(jaxpr: Jaxpr) -> Iterator[tuple[int, ...]]:
    """Shapes of what solvers are given, in all parts of a program."""
    for equation in jaxpr.eqns:
        if equation.primitive.name in SOLVERS:
            yield equation.invars[0].aval.shape
        for part in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda p: isinstance(p, ClosedJaxpr)):
            if isinstance(part, ClosedJaxpr):
                yield from solved(part.jaxpr)
            elif isinstance(part, Jaxpr):
                yield from solved(part)


def test_the_solvers_of_a_program_are_found():
    many = jnp.broadcast_to(jnp.eye(3), (5, 3, 3))
    assert next(solved(jax.make_jaxpr(jax.jit(jnp.linalg.inv))(many).jaxpr)) == (5, 3, 3)
    assert set(solved(jax.make_jaxpr(jax.jit(jax.vmap(inverse)))(many).jaxpr)) == {(3, 3)}


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_no_recipe_solves_many_matrices_at_once(name, key):
    """Two such calls at once can hang on two cores: see `_matrices`."""
    recipe = RECIPES[name]
    options = {option: value for option, value in SMALL.items() if option in recipe.options()}
    event = (8, 8, 1) if recipe.events == "image" else recipe.example

    flow = jax.eval_shape(lambda key: recipe.build(event, **options, key=key), key)
    condition = None if flow.cond_shape is None else jnp.zeros((7, *flow.cond_shape))

    def loss(key, x):
        flow = recipe.build(event, **options, key=key)
        return jnp.mean(flow.log_prob(x, condition))

    x = jnp.zeros((7, *flow.event_shape))
    program = eqx.filter_make_jaxpr(loss)(key, x)[0]
    assert all(len(shape) == 2 for shape in solved(program.jaxpr))


CONDITIONAL = sorted(
    name
    for name, r in RECIPES.items()
    if r.conditional and r.events != "image" and name not in ("ffjord", "flow-matching")
)


@pytest.mark.parametrize("way", ["density", "draws"])
@pytest.mark.parametrize("name", CONDITIONAL)
def test_no_conditional_recipe_solves_many_matrices_at_once(name, way, key):
    """Where each event has a matrix of its own; gradients too, as training takes them."""
    recipe = RECIPES[name]
    options = {option: value for option, value in SMALL.items() if option in recipe.options()}

    def gradient(key, x, condition):
        flow = recipe.build(recipe.example, **options, cond_dim=2, key=key)
        parameters, rest = eqx.partition(flow, eqx.is_inexact_array)

        def loss(parameters):
            whole = eqx.combine(parameters, rest)
            if way == "density":
                return jnp.mean(whole.log_prob(x, condition))
            return jnp.mean(whole.sample_and_log_prob(key, (), condition)[1])

        return jax.grad(loss)(parameters)

    program = eqx.filter_make_jaxpr(gradient)(key, jnp.zeros((7, recipe.example)), jnp.zeros((7, 2)))[0]
    assert all(len(shape) == 2 for shape in solved(program.jaxpr))


def test_log_abs_det_and_inverse_agree_with_lapack_of_many(x64, key):
    matrices = jax.random.normal(key, (6, 4, 4))
    np.testing.assert_allclose(jax.vmap(log_abs_det)(matrices), jnp.linalg.slogdet(matrices)[1], rtol=1e-12)
    np.testing.assert_allclose(jax.vmap(inverse)(matrices), jnp.linalg.inv(matrices), rtol=1e-10)
    for ours, theirs in ((log_abs_det, lambda a: jnp.linalg.slogdet(a)[1]), (inverse, jnp.linalg.inv)):
        np.testing.assert_allclose(
            jax.vmap(jax.jacrev(ours))(matrices), jax.vmap(jax.jacrev(theirs))(matrices), rtol=1e-8, atol=1e-10
        )
        np.testing.assert_allclose(
            jax.hessian(lambda a, f=ours: jnp.sum(f(a)))(matrices[0]),
            jax.hessian(lambda a, f=theirs: jnp.sum(f(a)))(matrices[0]),
            rtol=1e-6,
            atol=1e-8,
        )


def test_a_singular_matrix_has_a_log_det_of_minus_infinity():
    assert log_abs_det(jnp.zeros((2, 2))) == -jnp.inf


def test_orthogonal_matrices_differ_and_are_orthogonal(x64, key):
    drawn = jax.vmap(lambda k: orthogonal(k, 3))(jax.random.split(key, 5))
    np.testing.assert_allclose(drawn @ drawn.mT, np.broadcast_to(np.eye(3), (5, 3, 3)), atol=1e-12)
    assert len(np.unique(np.round(drawn[:, 0, 0], 6))) == 5


def _by_lapack(columns):
    q, r = jnp.linalg.qr(columns)
    return q * jnp.where(jnp.diagonal(r) < 0, -1.0, 1.0)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (4, 1)])
def test_orthonormal_columns_are_those_of_a_qr_decomposition_with_their_gradient(x64, key, shape):
    columns, way = jax.random.normal(key, (2, *shape))
    found = orthonormal(columns)
    np.testing.assert_allclose(found, _by_lapack(columns), atol=1e-12)
    np.testing.assert_allclose(found.T @ found, np.eye(shape[1]), atol=1e-14)
    slopes = [jax.grad(lambda a, f=f: jnp.sum(way * f(a) ** 2 + f(a)))(columns) for f in (orthonormal, _by_lapack)]
    np.testing.assert_allclose(*slopes, atol=1e-10)


def test_nearly_dependent_columns_stay_orthonormal(x64, key):
    """One round of Gram and Schmidt's steps would lose as many digits as the columns have in common."""
    u, _, v = jnp.linalg.svd(jax.random.normal(key, (20, 8)), full_matrices=False)
    columns = (u * jnp.geomspace(1.0, 1e-9, 8)) @ v
    found = orthonormal(columns)
    np.testing.assert_allclose(found.T @ found, np.eye(8), atol=1e-13)


def test_substitution_row_by_row_is_lapacks(x64, key):
    lower, y = jnp.tril(jax.random.normal(key, (5, 5))) + 3 * jnp.eye(5), jax.random.normal(key, (5, 2))
    np.testing.assert_allclose(lower_solve(lower, y), jnp.linalg.solve(lower, y), atol=1e-12)
    np.testing.assert_allclose(lower_solve(lower, y[:, 0]), jnp.linalg.solve(lower, y[:, 0]), atol=1e-12)


@pytest.mark.parametrize("dim", [1, 2, 3, 8, 13])
def test_the_inverse_of_a_triangle_is_lapacks_with_its_gradient(x64, key, dim):
    full = jax.random.normal(key, (dim, dim)) + 2 * jnp.eye(dim)
    full = full.at[0, -1].set(1e9) if dim > 1 else full  # above the diagonal, where nobody looks
    along = jax.random.normal(jax.random.key(1), (dim, dim))
    np.testing.assert_allclose(lower_inverse(full), np.linalg.inv(np.tril(full)), rtol=1e-11, atol=1e-12)
    slopes, expected = (
        jax.grad(lambda a, f=f: jnp.sum(along * f(a)))(full)
        for f in (lower_inverse, lambda a: jnp.linalg.inv(jnp.tril(a)))
    )
    np.testing.assert_allclose(slopes, expected, rtol=1e-9, atol=1e-11)


def test_the_inverse_of_an_ill_conditioned_triangle_is_as_near_as_lapacks():
    """Rows of one size below a diagonal of 1 make inverses that grow by powers of two."""
    lower = np.eye(40) - np.tril(np.random.default_rng(0).normal(size=(40, 40)), -1)
    exact, single = np.linalg.inv(lower), lower.astype(np.float32)
    lapack = scipy.linalg.solve_triangular(single, np.eye(40, dtype=np.float32), lower=True)
    ours = np.asarray(lower_inverse(jnp.asarray(single)))
    assert np.abs(ours - exact).max() < 3 * np.abs(lapack - exact).max() + 1e-6 * np.abs(exact).max()
