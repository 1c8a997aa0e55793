# %% [markdown]
# # An autoencoder with flows, and the gap in sight
#
# A variational autoencoder explains a row $x$ by few latent variables $z$: a prior $p(z)$, a decoder $p(x \mid z)$,
# and an encoder $q(z \mid x)$ that guesses which $z$ a row came from. The density of a row is an integral that nobody
# can do, of which the encoder gives a bound:
#
# $$\log p(x) - \underbrace{\mathbb{E}_q[\log p(x, z) - \log q(z \mid x)]}_{\text{the bound, ELBO}}
# = \mathrm{KL}\left(q(z \mid x) \,\|\, p(z \mid x)\right).$$
#
# With *two* latent variables the integral can be done, by summing over a grid. So on this page the gap is no mystery:
# it is measured and drawn. Flows enter in two places, as the encoder's law and as the prior.

# %%
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

import pushforward as pf
from pushforward import nets, plots
from pushforward.bijections import Autoencoder
from pushforward.distributions import Bernoulli, ConditionalBase, Normal, Transformed, embedded

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
key = jax.random.key(0)
digits = load_digits()
order = np.random.default_rng(0).permutation(len(digits.images))
images = (digits.images[order] > 7).astype(np.float32)[..., None]  # black and white
train, test, labels = images[:1500], images[1500:], digits.target[order][1500:]

# %% [markdown]
# ## Three of them
#
# The decoder is the same in all: a network gives each pixel's chance of being white. The encoder's network gives 16
# features, and a law of $z$ depends on them: a Gaussian with independent coordinates, or a flow of two spline
# couplings. The prior is a standard normal, or a flow.


# %%
def autoencoder(*, flow_posterior, flow_prior):
    seen_key, q_key, decoder_key, prior_key = jax.random.split(key, 4)
    spline = {"num_layers": 2, "num_bins": 6, "width": 32, "depth": 1}
    if flow_posterior:
        q = pf.flows.nsf_coupling(2, **spline, cond_dim=16, key=q_key)
    else:
        q = ConditionalBase(Normal(jnp.zeros(2), 1.0), cond_dim=16, width=32, key=q_key)
    encoder = embedded(q, nets.Dense((8, 8, 1), (16,), width=64, key=seen_key))
    pixels = Bernoulli(np.zeros((8, 8, 1)))
    decoder = ConditionalBase(pixels, 2, net=nets.Dense((2,), (64,), width=64, key=decoder_key))
    prior = pf.flows.nsf_coupling(2, **spline, key=prior_key) if flow_prior else Normal.standard((2,))
    return Transformed(prior, Autoencoder(encoder, decoder))


SIDE = 200
axis = np.linspace(-5, 5, SIDE)
grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.float32)
LOG_CELL = 2 * np.log(axis[1] - axis[0])


def logits(flow, z):
    """Of each pixel, `(places, 64)`: what the decoder starts from, and what its network adds."""
    decoder = flow.bijection.decoder
    return decoder.inner.logits.reshape(64) + decoder.net(jnp.asarray(z).T).T


@jax.jit
def joint(flow, x, places):
    one, x = logits(flow, places), x.reshape(-1, 64)
    return x @ one.T - jnp.sum(jax.nn.softplus(one), axis=1) + flow.base.log_prob(places)


def log_joint(flow, x):
    """Log-densities of row and place, p(x, z), for rows and all places of the grid, `(rows, places)`."""
    return joint(flow, x, grid)


@jax.jit
def bound(flow, x):
    return jnp.mean(jnp.stack([flow.log_prob(x, key=k) for k in jax.random.split(key, 16)]), axis=0)


DIAGONAL = "diagonal q, normal prior"
NAMES = {
    DIAGONAL: {"flow_posterior": False, "flow_prior": False},
    "flow q, normal prior": {"flow_posterior": True, "flow_prior": False},
    "diagonal q, flow prior": {"flow_posterior": False, "flow_prior": True},
}
objective = pf.objectives.ELBO(warm_up=0.2)
settings = {"learning_rate": 3e-3, "batch_size": 100, "max_epochs": 40, "patience": None, "progress": False, "key": key}
flows, found = {}, {}
print(f"{'nats an image':26} exact    bound     gap")
for name, parts in NAMES.items():
    flows[name] = flow = pf.fit(autoencoder(**parts), train, objective=objective, **settings).flow
    exact = jax.nn.logsumexp(log_joint(flow, test), axis=1) + LOG_CELL
    gap = exact - bound(flow, test)
    found[name] = (float(exact.mean()), float(gap.mean()))
    print(f"{name:26} {exact.mean():.2f}  {(exact - gap).mean():.2f}  {gap.mean():6.2f}")
    mass = float(jnp.exp(jax.nn.logsumexp(flow.base.log_prob(grid)) + LOG_CELL))
    print(f"{'':26} mass of the prior on the grid {mass:.3f}")
    assert abs(mass - 1) < 0.02
    assert gap.mean() > 0
    some = flow.bijection.decoder.log_prob(test[:5], grid[:5]) + flow.base.log_prob(grid[:5])
    assert np.allclose(np.diagonal(log_joint(flow, test[:5])[:, :5]), some, rtol=1e-3)

# %% [markdown]
# The gap is the divergence of the encoder's law from the true posterior. A diagonal Gaussian cannot bend, so it pays,
# and the decoder, which is trained by the bound, learns to have posteriors that such a Gaussian can follow. With a
# flow the decoder is freer: its exact density is better, and its posteriors are harder, so the gap need not be
# smaller.
#
# ## The same decoder, another encoder
#
# To see the first effect alone, keep the prior and the decoder of the first model and learn only the encoder anew, as
# a flow. The exact density cannot change. The gap can.

# %%
diagonal = flows[DIAGONAL]
fresh = autoencoder(flow_posterior=True, flow_prior=False).bijection.encoder
other = Transformed(diagonal.base, Autoencoder(fresh, diagonal.bijection.decoder))
frozen = lambda flow: flow.bijection.decoder  # noqa: E731
other = pf.fit(other, train, objective=pf.objectives.ELBO(), frozen=frozen, **settings).flow
exact = jax.nn.logsumexp(log_joint(other, test), axis=1) + LOG_CELL
gap = float((exact - bound(other, test)).mean())
print(f"exact {exact.mean():.2f} as before; gap {gap:.2f}, with the diagonal Gaussian {found[DIAGONAL][1]:.2f}")
assert jnp.isclose(exact.mean(), found[DIAGONAL][0], atol=1e-3)
assert gap < found[DIAGONAL][1]

# %% [markdown]
# Which rows have lost the most? Here is the one with the largest gap: its true posterior on the grid, and what both
# encoders make of it.

# %%
posterior = log_joint(diagonal, test)
posterior = posterior - jax.nn.logsumexp(posterior, axis=1, keepdims=True) - LOG_CELL
gaps = jax.nn.logsumexp(log_joint(diagonal, test), axis=1) + LOG_CELL - bound(diagonal, test)
worst = int(jnp.argmax(gaps))
laws = {
    "true posterior": posterior[worst],
    f"diagonal: {gaps[worst]:.1f} nats off": diagonal.bijection.encoder.log_prob(grid, test[worst]),
    f"flow: {(exact - bound(other, test))[worst]:.1f} nats off": other.bijection.encoder.log_prob(grid, test[worst]),
}
figure = Figure(figsize=(9.6, 2.7), layout="compressed")
first, *others = figure.subplots(1, 4)
first.imshow(test[worst, ..., 0], cmap="gray")
first.set(title="an image", xticks=[], yticks=[])
spread = np.exp(np.asarray(posterior[worst])).reshape(SIDE, SIDE)
inside = np.argwhere(spread > 0.01 * spread.max())
(low_1, low_2), (high_1, high_2) = axis[inside.min(axis=0)] - 0.3, axis[inside.max(axis=0)] + 0.3
for axes, (name, law) in zip(others, laws.items(), strict=True):
    axes.imshow(np.exp(law).reshape(SIDE, SIDE).T, origin="lower", extent=(-5, 5, -5, 5), cmap="viridis", aspect="auto")
    axes.set(title=name, xlim=(low_1, high_1), ylim=(low_2, high_2), xticks=[], yticks=[])
plots.save(figure, OUT / "autoencoder_with_flows_posterior.png")

# %% [markdown]
# ![An image, its true posterior, and two encoders' laws](figures/autoencoder_with_flows_posterior.png)
#
# ## A flow as the prior
#
# All encoded rows together should look like the prior, or draws from the prior are decoded to what no row is like. A
# prior that is a flow can go where they are. It is one more thing to learn, and in this short training it does not
# pay: encoder and prior have agreed on a bent strip, and the exact density is lower than with a normal.

# %%
figure = Figure(figsize=(8.4, 3.9), layout="compressed")
for axes, name in zip(figure.subplots(1, 2), (DIAGONAL, "diagonal q, flow prior"), strict=True):
    prior = np.exp(flows[name].base.log_prob(grid)).reshape(SIDE, SIDE)
    axes.contourf(axis, axis, prior.T, 12, cmap="Greys")
    z = jax.vmap(flows[name].bijection.inverse)(test)
    axes.scatter(*z.T, s=6, c=labels, cmap="tab10", linewidths=0)
    axes.set(title=f"{name}: {found[name][0]:.2f} nats", xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), xticks=[], yticks=[])
plots.save(figure, OUT / "autoencoder_with_flows_prior.png")
means = {name: jax.nn.sigmoid(logits(flow, flow.base.sample(key, 10))) for name, flow in flows.items()}
rows = [255 * np.asarray(white).reshape(-1, 8, 8, 1) for white in means.values()]
sheet = plots.image_rows([255 * test[:10], *rows], labels=["digits", "diagonal", "flow q", "flow prior"])
plots.save(sheet, OUT / "autoencoder_with_flows_draws.png")

# %% [markdown]
# ![Priors in grey and encoded digits, coloured by what they show](figures/autoencoder_with_flows_prior.png)
#
# ![Digits, and means of the decoder at draws from the three priors](figures/autoencoder_with_flows_draws.png)
#
# With two latent variables all of this can be seen. With forty nothing changes but that the exact density is out of
# reach. `pf.diagnostics.estimate_log_prob` comes near it with many draws. [Autoencoders](../vae.md) has the estimator
# and the command.
#
# ## Exercises
#
# 1. Estimate the exact log-density by importance sampling with 1, 10 and 1000 draws of the encoder. How fast does it
#    rise?
# 2. Split the bound: what is the mean of $\log p(x \mid z)$, and what does the divergence from the prior cost?
# 3. Could a flow in place of the encoder make the exact density of a *fixed* decoder higher?

# %% solution 1
reference = float((jax.nn.logsumexp(log_joint(diagonal, test), axis=1) + LOG_CELL).mean())
for draws in (1, 10, 1000):
    estimate = float(pf.diagnostics.estimate_log_prob(diagonal, test, k=draws, key=1).log_prob.mean())
    print(f"{draws:4} draws: {estimate:.2f}, exact {reference:.2f}")
assert abs(estimate - reference) < 0.1

# %% solution 2
z = jax.vmap(lambda x, k: diagonal.bijection.inverse(x, key=k))(test, jax.random.split(key, len(test)))
likelihood = float(jnp.mean(diagonal.bijection.decoder.log_prob(test, z)))
cost = likelihood - float(jnp.mean(bound(diagonal, test)))
print(f"reconstruction {likelihood:.2f}, divergence from the prior {cost:.2f} nats")
assert cost > 0

# %% solution 3
# No. log p(x) is made of the prior and the decoder alone; the encoder only says how much of it the bound shows.
assert jnp.isclose(exact.mean(), found[DIAGONAL][0], atol=1e-3)
