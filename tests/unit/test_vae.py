"""Variational autoencoders: bounds beside a known evidence, parts beside their formulas, and what bad input gets."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import pushforward as pf
from pushforward import bijections as b
from pushforward import distributions as d
from pushforward.distributions._latent import drawn, latent_of
from pushforward.flows.latent._parts import POSTERIORS
from pushforward.objectives import ELBO, IWAE, Batch, nll

WEIGHT = np.array([[1.0, 0.5], [-0.7, 0.3], [0.2, -1.1], [0.9, 0.8], [0.4, -0.2]])
NOISE = 0.6
SIZE, LATENT = WEIGHT.shape


def linear_vae(*, off: float = 0.0, spread: float = 1.0) -> d.Transformed:
    """Z from N(0, I) and x from N(Wz + 1, 0.36 I); the encoder is the exact posterior, moved and widened."""
    covariance = np.linalg.inv(np.eye(LATENT) + WEIGHT.T @ WEIGHT / NOISE**2)
    gain = covariance @ WEIGHT.T / NOISE**2
    key = jax.random.key(0)
    law = d.ConditionalBase(
        d.Normal(jnp.ones(SIZE), NOISE * jnp.ones(SIZE)), LATENT, net=constant((LATENT,), 2 * SIZE, WEIGHT, key)
    )
    scale = spread * np.linalg.cholesky(covariance)
    inner = b.TriangularAffine(jnp.asarray(-gain @ np.ones(SIZE) + off), jnp.asarray(scale))
    q = d.Transformed(
        d.Normal.standard((LATENT,)),
        b.Conditioned(inner, SIZE, net=constant((SIZE,), b.count_raw(inner), gain, key)),
    )
    return d.Transformed(d.Normal.standard((LATENT,)), b.Autoencoder(q, law))


def constant(shape, count: int, matrix: np.ndarray, key) -> pf.nets.Dense:
    """A linear network whose first outputs are `matrix @ x`, the others 0."""
    net = pf.nets.Dense(shape, (count,), depth=0, key=key)
    weight = np.zeros((count, shape[0]))
    weight[: len(matrix)] = matrix
    return eqx.tree_at(lambda n: (n.weights, n.biases), net, ((jnp.asarray(weight),), (jnp.zeros(count),)))


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(40, SIZE)) @ np.diag([1, 2, 1, 1.5, 1])


@pytest.fixture
def evidence(x) -> np.ndarray:
    """The density of N(1, WW' + 0.36 I)."""
    covariance = WEIGHT @ WEIGHT.T + NOISE**2 * np.eye(SIZE)
    away = np.linalg.solve(covariance, (x - 1).T)
    return -0.5 * (np.sum((x - 1).T * away, axis=0) + np.linalg.slogdet(2 * np.pi * covariance)[1])


def test_the_exact_posterior_gives_the_evidence_at_every_draw(x64, key, x, evidence):
    np.testing.assert_allclose(linear_vae().log_prob(x, key=key), evidence, atol=1e-9)


def test_a_thousand_draws_find_the_evidence(x64, key, x, evidence):
    found = pf.diagnostics.estimate_log_prob(linear_vae(off=0.1, spread=1.1), x, k=1000, key=key)
    assert abs(found.log_prob.mean() - evidence.mean()) < 0.01
    assert np.all(abs(found.log_prob - evidence) < 5 * found.error)
    errors = (found.log_prob - evidence) / found.error
    assert 0.6 < errors.std() < 1.4  # the errors have the right size


def test_the_bound_rises_with_the_draws_and_stays_below(x64, key, x, evidence):
    vae, bounds = linear_vae(off=0.5, spread=1.4), []
    keys = jax.random.split(key, 200)
    for k in (1, 2, 5, 20):
        losses = jax.lax.map(lambda one, k=k: IWAE(k, "total")(vae, Batch(jnp.asarray(x)), key=one)[0], keys)
        bounds.append((-losses.mean(), losses.std() / np.sqrt(len(keys))))
    for (low, low_error), (high, high_error) in zip(bounds, [*bounds[1:], (evidence.mean(), 0.0)], strict=True):
        assert high - low > 5 * np.hypot(low_error, high_error)
    first = jax.lax.map(lambda one: ELBO()(vae, Batch(jnp.asarray(x)), key=one)[0], keys)
    assert abs(-first.mean() - bounds[0][0]) < 5 * np.hypot(first.std() / np.sqrt(len(keys)), bounds[0][1])


def test_nll_and_the_bound_of_a_draw_are_one(x64, key, x):
    """`log_prob` with a key is what the objective says of the same draw, in the mean."""
    vae = linear_vae(off=0.3)
    keys = jax.random.split(key, 400)
    plain = jax.lax.map(lambda one: nll(vae, Batch(jnp.asarray(x)), key=one)[0], keys)
    bound = jax.lax.map(lambda one: ELBO()(vae, Batch(jnp.asarray(x)), key=one)[0], keys)
    assert abs(plain.mean() - bound.mean()) < 5 * (plain.std() + bound.std()) / np.sqrt(len(keys))


def test_doubly_reparametrised_gradients_have_the_same_mean_and_less_noise(x64, key, x):
    vae, batch = linear_vae(off=0.3, spread=1.2), Batch(jnp.asarray(x[:8]))
    keys = jax.random.split(key, 1500)

    def gradients(gradient: str) -> list[np.ndarray]:
        """Of the encoder, and of the decoder."""
        slope = jax.grad(lambda vae, one: IWAE(8, gradient)(vae, batch, key=one)[0])

        def flat(one):
            found = slope(vae, one).bijection
            return ravel_pytree(found.encoder)[0], ravel_pytree(found.decoder)[0]

        return [np.asarray(each) for each in jax.lax.map(flat, keys)]

    pairs = list(zip(gradients("total"), gradients("doubly"), strict=True))
    for total, doubly in pairs:
        error = np.hypot(total.std(0), doubly.std(0)) / np.sqrt(len(keys))
        assert np.all(abs(total.mean(0) - doubly.mean(0)) < 5 * error + 1e-9)
    total, doubly = pairs[0]
    noisy = total.std(0) > 1e-6
    assert np.all(doubly.std(0)[noisy] < 0.5 * total.std(0)[noisy])


def test_a_gradient_that_cannot_be_had_is_refused(key):
    vae = pf.flows.vae(3, latent=2, width=8, posterior="planar", key=key)
    with pytest.raises(ValueError, match='Use gradient="total"'):
        IWAE(3, "doubly")(vae, Batch(jnp.zeros((2, 3))), key=key)


def test_warm_up_and_free_bits(x64, key, x):
    vae, rows = linear_vae(off=0.3), jnp.asarray(x)
    draw = drawn(latent_of(vae), rows.T, key)
    reconstruction, kl = -draw.log_likelihood.mean(), (draw.log_posterior - draw.log_prior).mean()

    def loss(objective: ELBO, progress: float | None) -> float:
        share = None if progress is None else jnp.asarray(progress)
        return float(objective(vae, Batch(rows, progress=share), key=key)[0])

    plain = float(reconstruction + kl)
    assert loss(ELBO(warm_up=0.5, free_bits=9.0), None) == pytest.approx(plain)
    assert loss(ELBO(warm_up=0.5), 0.25) == pytest.approx(float(reconstruction + 0.5 * kl))
    assert loss(ELBO(warm_up=0.5), 0.75) == pytest.approx(plain)
    assert loss(ELBO(beta=2.0), 0.0) == pytest.approx(float(reconstruction + 2 * kl))
    assert loss(ELBO(free_bits=100.0), 1.0) == pytest.approx(float(reconstruction) + 100.0 * LATENT)


def test_divergences_of_each_variable_are_those_of_gaussians(x64, key):
    """Their sum beside the mean over draws, and each beside the closed form; a flow's divergence has no parts."""
    vae = moved(pf.flows.vae(4, latent=3, width=8, key=key), key, 0.3)
    rows = jax.random.normal(key, (4, 2))
    draws = drawn(latent_of(vae), rows, key, 20_000)
    sampled = (draws.log_posterior - draws.log_prior).reshape(-1, 2)
    each = draws.divergences[:, :2]
    assert each.shape == (3, 2)
    assert np.all(each > 0)
    error = sampled.std(axis=0) / np.sqrt(len(sampled))
    assert np.all(abs(sampled.mean(axis=0) - each.sum(axis=0)) < 5 * error)
    z = draws.z.reshape(3, -1, 2)
    mean, variance = z.mean(axis=1), z.var(axis=1)
    np.testing.assert_allclose(each, 0.5 * (mean**2 + variance - 1 - np.log(variance)), atol=0.05)
    for options in ({"posterior": "iaf"}, {"prior": "realnvp"}, {"posterior": "full"}):
        other = pf.flows.vae(4, latent=3, width=8, key=key, **options)
        assert drawn(latent_of(other), rows, key).divergences is None


def test_bits_are_free_for_each_variable(x64, key):
    """A variable that says much does not pay for one that says nothing."""
    vae = moved(pf.flows.vae(4, latent=3, width=8, key=key), key, 0.3)
    rows = jax.random.normal(key, (50, 4))
    draw = drawn(latent_of(vae), rows.T, key)
    each = np.asarray(draw.divergences).mean(axis=1)
    free = float(np.sort(each)[1])  # below one of them, above another

    def loss(free_bits: float) -> float:
        return float(ELBO(free_bits=free_bits)(vae, Batch(rows, progress=jnp.asarray(1.0)), key=key)[0])

    right = -float(draw.log_likelihood.mean()) + np.maximum(each, free).sum()
    assert loss(free) == pytest.approx(right)
    assert right > -float(draw.log_likelihood.mean()) + max(each.sum(), 3 * free) + 1e-3  # not of all together


def test_units_behind_the_decoder_count(x64, key, x, evidence):
    scaled = d.Transformed(linear_vae(), b.Affine(jnp.zeros(SIZE), 3.0))
    loss, _ = ELBO()(scaled, Batch(jnp.asarray(3.0 * x)), key=key)
    assert float(loss) == pytest.approx(-evidence.mean() + SIZE * np.log(3.0))
    one, _ = IWAE(4)(scaled, Batch(jnp.asarray(3.0 * x)), key=key)
    assert float(one) == pytest.approx(float(loss))


@pytest.mark.parametrize("posterior", [name for name in POSTERIORS if name not in ("maf", "ffjord", "radial")])
def test_posteriors_know_the_density_of_their_draws(x64, key, posterior):
    vae = pf.flows.vae(4, latent=3, width=8, posterior=posterior, posterior_layers=2, key=key)
    vae = moved(vae, key)
    encoder, rows = vae.bijection.bijections[-1].encoder, jax.random.normal(key, (6, 4))
    z, log_q = encoder.sample_and_log_prob(key, (), rows)
    np.testing.assert_allclose(encoder.log_prob(z, rows), log_q, atol=1e-6)
    assert np.std(log_q - encoder.log_prob(z, rows[::-1])) > 1e-3  # it is amortised


def moved(flow, key, size: float = 0.2):
    leaves, tree = jax.tree.flatten(flow)
    keys = jax.random.split(key, len(leaves))
    return jax.tree.unflatten(
        tree, [a + size * jax.random.normal(k, a.shape, a.dtype) for a, k in zip(leaves, keys, strict=True)]
    )


@pytest.mark.parametrize(
    "build",
    [
        lambda k: b.Planar(4, key=k),
        lambda k: b.Sylvester(4, num_directions=2, key=k),
        lambda k: b.Sylvester(4, variant="householder", num_reflections=3, key=k),
        lambda k: b.Sylvester(4, variant="triangular", key=k),
        lambda k: b.Householder(4, num_reflections=2, key=k),
        lambda k: b.Affine(jnp.zeros(4), jnp.ones(4)),
        lambda k: b.TriangularAffine(jnp.zeros(4), jnp.eye(4)),
        lambda k: b.LU(4),
        lambda k: b.Linear(4, key=k),
    ],
    ids=[
        "planar",
        "sylvester",
        "householder",
        "triangular",
        "reflections",
        "affine",
        "triangular_affine",
        "lu",
        "linear",
    ],
)
def test_a_map_for_each_event_is_that_map(x64, key, build):
    """What is written for many maps at once beside one map after another."""
    layer = b.Conditioned(build(key), 2, width=6, key=key)
    layer = moved(layer, key)
    x, condition = jax.random.normal(key, (4, 7)), jax.random.normal(jax.random.fold_in(key, 1), (2, 7))
    for way in ("_forward_many", "_inverse_many"):
        y, log_det = getattr(layer, way)(x, condition, None)
        for i in range(7):
            filled = b.fill(layer.inner, layer.net(condition[:, i : i + 1])[..., 0])
            one, own = getattr(filled, way)(x[:, i : i + 1], None, None)
            np.testing.assert_allclose(y[:, i], one[:, 0], atol=1e-9)
            np.testing.assert_allclose(log_det[i], own[0], atol=1e-9)


def test_two_layers_stay_below_the_evidence(x64, key):
    """The mean bound of two layers is below an estimate by many draws of all latent variables."""
    vae = pf.flows.vae_image((3, 3, 1), latent=3, second_latent=2, width=8, grey_levels=2, key=key)
    # Smaller weights: the encoder, which knows nothing yet, must reach where the layer above it goes.
    vae = moved(jax.tree.map(lambda leaf: 0.5 * leaf, vae), key, 0.1)
    x = (np.random.default_rng(0).random((5, 3, 3, 1)) < 0.5).astype(float)
    events = np.array([[int(i) for i in f"{n:09b}"] for n in range(512)], float).reshape(-1, 3, 3, 1)
    every = pf.diagnostics.estimate_log_prob(vae, events, k=3000, key=key)
    probability = np.exp(every.log_prob)
    error = np.sqrt(np.sum((probability * every.error) ** 2))
    assert abs(probability.sum() - 1.0) < 4 * error < 0.05  # of all 2**9 images
    found = pf.diagnostics.estimate_log_prob(vae, x, k=3000, key=key)
    bound = np.mean([vae.log_prob(x, key=one) for one in jax.random.split(key, 200)], axis=0)
    assert np.all(bound < found.log_prob + 3 * found.error)


def test_the_encoders_mixture(x64, key):
    vae = moved(
        pf.flows.vae_image((2, 2, 1), latent=2, width=6, prior="vamp", num_components=3, grey_levels=2, key=key), key
    )
    z = jax.random.normal(key, (5, 2))
    inputs = vae.inputs
    assert inputs.shape == (3, 2, 2, 1)
    assert 0 < inputs.min() < inputs.max() < 1
    each = [jnp.exp(vae.bijection.encoder.log_prob(z, u)) for u in inputs]
    np.testing.assert_allclose(vae.base.log_prob(z), jnp.log(sum(each) / 3), atol=1e-9)
    events = np.array([[int(i) for i in f"{n:04b}"] for n in range(16)], float).reshape(-1, 2, 2, 1)
    found = pf.diagnostics.estimate_log_prob(vae, events, k=4000, key=key)
    assert np.exp(found.log_prob).sum() == pytest.approx(1.0, abs=0.02)
    slope = jax.grad(lambda v: v.base._log_prob_many(z.T, None, None).sum())(vae)
    assert jnp.any(slope.bijection.encoder.embedding.weights[0] != 0)  # the prior trains the encoder
    assert jnp.any(slope.raw != 0)


def test_decoders_are_laws(x64, key):
    logits = jax.random.normal(key, (3,))
    events = np.array([[int(i) for i in f"{n:03b}"] for n in range(8)], float)
    law = d.Bernoulli(logits)
    assert float(jnp.exp(law.log_prob(events)).sum()) == pytest.approx(1.0)
    np.testing.assert_allclose(law.mean(), jax.nn.sigmoid(logits))
    np.testing.assert_allclose(law.sample(key, 20_000).mean(0), law.mean(), atol=0.02)
    assert float(law.entropy()) == pytest.approx(-float((jnp.exp(law.log_prob(events)) * law.log_prob(events)).sum()))
    assert float(law.log_prob(jnp.array([0.0, 0.5, 1.0]))) == -np.inf
    table = jax.random.normal(key, (4, 2))
    codes = np.array([[i, j] for i in range(4) for j in range(4)], float)
    law = d.Categorical(table)
    assert float(jnp.exp(law.log_prob(codes)).sum()) == pytest.approx(1.0)
    np.testing.assert_allclose(law.mean(), np.arange(4) @ jax.nn.softmax(table, axis=0))
    np.testing.assert_allclose(law.sample(key, 20_000).var(0), law.variance(), atol=0.05)
    assert float(law.log_prob(jnp.array([0.0, 4.0]))) == float(law.log_prob(jnp.array([-1.0, 0.0]))) == -np.inf
    np.testing.assert_array_equal(law.sample(key, 3, temperature=0.0), np.tile(np.argmax(table, axis=0), (3, 1)))


def test_a_decoder_that_does_not_fit_the_data_is_refused(key):
    with pytest.raises(ValueError, match="zeros and ones, and the data are 256 grey values"):
        pf.flows.vae_image((4, 4, 1), decoder="bernoulli", key=key)
    with pytest.raises(ValueError, match="the data are real numbers"):
        pf.flows.vae_image((4, 4, 1), decoder="categorical", grey_levels=None, key=key)
    with pytest.raises(ValueError, match='Use posterior="diagonal"'):
        pf.flows.vae_image((4, 4, 1), posterior="iaf", prior="vamp", grey_levels=2, key=key)
    with pytest.raises(ValueError, match="sylvester"):
        pf.flows.vae(3, posterior="silvester", key=key)


def test_bad_numbers_are_refused(key):
    for build in (lambda: IWAE(0), lambda: ELBO(warm_up=2.0), lambda: ELBO(beta=0.0), lambda: ELBO(free_bits=-1.0)):
        with pytest.raises(ValueError, match=r"must be|from 0 to 1"):
            build()
    vae = pf.flows.vae(3, latent=2, width=8, key=key)
    with pytest.raises(ValueError, match="`k`, the number of draws"):
        pf.diagnostics.estimate_log_prob(vae, jnp.zeros((2, 3)), k=0, key=key)
    with pytest.raises(ValueError, match="no latent variables"):
        ELBO()(pf.flows.maf(3, key=key), Batch(jnp.zeros((2, 3))), key=key)
    with pytest.raises(TypeError, match="must be a conditional distribution"):
        b.Autoencoder(d.Normal.standard((2,)), d.Normal.standard((3,)))


def test_noise_that_dequantises_is_a_bound_too(x64, key):
    """A uniform law on whole numbers 0 to 3 by way of a sigmoid of a logistic: probability 1/4 each."""
    flow = d.Transformed(d.Uniform(jnp.zeros(1), 4.0 * jnp.ones(1)), b.Dequantize((1,), levels=4))
    found = pf.diagnostics.estimate_log_prob(flow, np.arange(4.0)[:, None], k=50, key=key)
    np.testing.assert_allclose(found.log_prob, -np.log(4.0), atol=1e-9)
    exact = pf.diagnostics.estimate_log_prob(d.Normal.standard((1,)), np.zeros((2, 1)), k=3, key=key)
    assert np.all(exact.error == 0)


def test_files_hold_autoencoders(key, tmp_path):
    x = jnp.round(jax.random.uniform(key, (3, 4, 4, 1)))
    for prior in ("vamp", "nsf"):
        vae = pf.flows.vae_image((4, 4, 1), latent=2, width=6, prior=prior, prior_layers=1, grey_levels=2, key=key)
        pf.save(tmp_path / "vae.safetensors", vae)
        again = pf.load(tmp_path / "vae.safetensors")
        np.testing.assert_array_equal(again.log_prob(x, key=key), vae.log_prob(x, key=key))


def test_training_finds_two_groups(key):
    """Two kinds of binary images: the bound after training is near log 2 and the noise of the pixels."""
    rng = np.random.default_rng(0)
    which = rng.integers(2, size=600)
    x = (rng.random((600, 4, 4, 1)) < np.where(which[:, None, None, None] == 1, 0.9, 0.1)).astype(np.uint8)
    vae = pf.flows.vae_image((4, 4, 1), latent=2, width=16, grey_levels=2, key=key)
    found = pf.fit(vae, x, objective=pf.objectives.elbo, max_epochs=60, progress=False, key=key)
    entropy = np.log(2) + 16 * -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    assert found.best_loss < entropy + 0.8
    assert found.history[-1].metrics["kl"] > 0.3  # nats; log 2 where the groups are told apart
