# %% [markdown]
# # An autoencoder, an adversarial network and a flow, side by side
#
# Three ways to learn to draw what looks like the data:
#
# - a **flow** maps noise to data by an invertible map, and is trained on the exact density of the data;
# - a **variational autoencoder** (VAE) maps few latent variables to data, and is trained on a bound of the density;
# - a **generative adversarial network** (GAN) maps noise to data by any network, and is trained to deceive a second
#   network, which tells its draws from data. No density is involved.
#
# They get the same data and the same processor seconds. One run on small data sets with small networks says nothing of
# the largest models of each kind. It says what each kind can be *asked*.

# %%
import os
import time
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

import pushforward as pf
from pushforward import plots
from pushforward.bijections import Chain, Standardize
from pushforward.distributions import Transformed
from pushforward.objectives import Batch

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
LONGER = float(os.environ.get("PUSHFORWARD_LONGER", 1))
BATCH, STEPS = 128, 25
key = jax.random.key(0)


# %% [markdown]
# ## Data
#
# Two moons and two rings, whose entropies are known, and digits of 8 x 8 pixels with grey values 0 to 16. Noise
# between 0 and 1 makes the grey values continuous (see [whole numbers](whole_numbers.md)), for all three models alike.


# %%
class Case(NamedTuple):
    """One data set: rows to learn from, to stop by and to measure by; what has parts, and what is fuzzy."""

    learn: np.ndarray
    watch: np.ndarray
    test: np.ndarray
    parts: object
    roughness: object
    noise: float
    seconds: float
    latent: int
    width: int


angle = np.linspace(0, 2 * np.pi, 400)
circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
half = circle[:200]
LINES = {"moons": (half, [1, 0.5] - half), "rings": (circle, 0.5 * circle)}


def plane(name):
    """Rows of the plane around two lines: parts are the lines, roughness is the distance from them."""
    draw = getattr(pf.data, name)
    away = lambda x: np.stack([cdist(x, line).min(axis=1) for line in LINES[name]])  # noqa: E731
    learn, watch, test = (draw(n, seed=seed).astype(np.float32) for seed, n in enumerate((4000, 2000, 2000)))
    fuzz = lambda x: np.sqrt(np.mean(away(x).min(axis=0) ** 2))  # noqa: E731
    return Case(learn, watch, test, lambda x: away(x).argmin(axis=0), fuzz, 0.0, 2 * LONGER, 2, 64)


def pictures(images, labels, seconds, latent, width):
    """Square pictures as rows: parts are labels, by a classifier; roughness is how pixels differ from neighbours."""
    rng = np.random.default_rng(0)
    order, side = rng.permutation(len(images)), images.shape[1]
    rows = images[order].reshape(len(images), -1).astype(np.float32)
    sixth = len(rows) // 6
    test, watch, learn = np.split(rows, [sixth, 2 * sixth])
    classifier = KNeighborsClassifier(5).fit(learn, labels[order][2 * sixth :])

    def roughness(x):
        x = x.reshape(-1, side, side)
        return np.mean(
            (4 * x[:, 1:-1, 1:-1] - x[:, 2:, 1:-1] - x[:, :-2, 1:-1] - x[:, 1:-1, 2:] - x[:, 1:-1, :-2]) ** 2
        )

    watch, test = (part + rng.random(part.shape, np.float32) for part in (watch, test))
    return Case(learn, watch, test, classifier.predict, roughness, 1.0, seconds * LONGER, latent, width)


digits = load_digits()
CASES = {"moons": plane("moons"), "rings": plane("rings"), "digits": pictures(digits.images, digits.target, 4, 16, 96)}

# %% [markdown]
# With `PUSHFORWARD_LONGER=10` every model has ten times as long, and Fashion-MNIST is a fourth data set if the folder
# `PUSHFORWARD_DATA` has it. The figures of this page are those without it.
#
# With `PUSHFORWARD_LONGER=3`, 36 seconds a model, the flow is the one that loses on Fashion-MNIST: -3127 nats beside a
# bound of -3050 of the VAE, and draws of precision 0.07 beside 0.33, and 0.71 of the GAN. Vectors of 784 numbers say
# nothing of neighbours to a small coupling flow; those of images ([Glow, part by part](glow_step.md)) know of them.

# %%
if LONGER > 1 and "PUSHFORWARD_DATA" in os.environ:
    fashion = np.load(Path(os.environ["PUSHFORWARD_DATA"]) / "fashion_mnist" / "fashion_mnist.npz")
    CASES["fashion"] = pictures(fashion["x_train"][:12_000], fashion["y_train"][:12_000], 12, 32, 256)


# %% [markdown]
# ## Two of the models are densities
#
# The flow and the VAE are trained by the same lines: both have a `log_prob`, exact for the one and a draw of a bound
# for the other. Every 25 steps it is measured on rows that are not learned from, and the best parameters are kept.


# %%
def standard(flow, case):
    """In the units of the data: the mean of each column, one scale for all."""
    scale = np.full(case.learn.shape[1], case.learn.std())
    return Transformed(flow.base, Chain([flow.bijection, Standardize(case.learn.mean(axis=0) + case.noise / 2, scale)]))


def rows_of(case, key):
    """A batch with its noise."""
    row_key, noise_key = jax.random.split(key)
    rows = case.learn[jax.random.randint(row_key, (BATCH,), 0, len(case.learn))]
    return rows + case.noise * jax.random.uniform(noise_key, rows.shape)


def in_time(step, state, watch, seconds):
    """Steps for so many processor seconds: the best state where `watch` gives a loss, else the last; a curve."""
    watch(step(state, key, 0.0)[0])  # compiles
    curve, best, least, used = [], state, np.inf, 0.0
    for number in range(100_000):
        start = time.process_time()
        state, losses = step(state, jax.random.fold_in(key, number), used / seconds)
        loss = watch(state)
        used += time.process_time() - start
        curve.append((used, *np.atleast_1d(losses if loss is None else loss)))
        if loss is None or loss < least:
            best, least = state, loss
        if used > seconds:
            break
    return best, np.array(curve)


OBJECTIVES = {"flow": pf.objectives.nll, "VAE": pf.objectives.ELBO(warm_up=0.5)}
density_optimizer = optax.chain(optax.clip_by_global_norm(5.0), optax.adam(2e-3))


@eqx.filter_jit
def density_steps(state, case, key, objective, share):
    params, rest = pf.partition(state[0])

    def step(carry, key):
        params, state = carry
        batch = Batch(rows_of(case, key), progress=share)
        loss = lambda p: objective(eqx.combine(p, rest), batch, key=key)[0]  # noqa: E731
        value, gradient = jax.value_and_grad(loss)(params)
        updates, state = density_optimizer.update(gradient, state)
        return (optax.apply_updates(params, updates), state), value

    (params, state), losses = jax.lax.scan(step, (params, state[1]), jax.random.split(key, STEPS))
    return (eqx.combine(params, rest), state), jnp.mean(losses)


@eqx.filter_jit
def held_out(flow, rows):
    return -jnp.mean(flow.log_prob(rows, key=key))


def arrays(case):
    """What a compiled step needs of a case."""
    return case._replace(parts=None, roughness=None, seconds=None, learn=jnp.asarray(case.learn))


def learned_density(flow, case, objective):
    flow, given = standard(flow, case), arrays(case)
    start = (flow, density_optimizer.init(pf.partition(flow)[0]))
    step = lambda state, key, share: density_steps(state, given, key, objective, jnp.asarray(share))  # noqa: E731
    (flow, _), curve = in_time(step, start, lambda state: float(held_out(state[0], case.watch)), case.seconds)
    return flow, curve


# %% [markdown]
# ## The third is a game
#
# The generator's loss is $-\log D(G(z))$, the discriminator's $-\log D(x) - \log(1 - D(G(z)))$ (Goodfellow et al.
# 2014, *Generative adversarial nets*), with a penalty on the discriminator's slope at the data that damps their
# circling (Mescheder et al. 2018, *Which training methods for GANs do actually converge?*). Neither loss says how good
# the draws are: there is nothing to keep the best parameters by, so the last ones are taken.

# %%
PENALTY = 0.2
game_optimizer = optax.adam(1e-3, b1=0.5, b2=0.99)


def networks(latent, dim, width, key):
    """Generator from noise to standard units, and discriminator."""
    one, two = jax.random.split(key)
    return (
        eqx.nn.MLP(latent, dim, 2 * width, 2, activation=jax.nn.leaky_relu, key=one),
        eqx.nn.MLP(dim, "scalar", 2 * width, 2, activation=jax.nn.leaky_relu, key=two),
    )


def game(generator, discriminator, real, z):
    """Both losses; each network gets the gradient of its own."""
    still = jax.lax.stop_gradient
    frozen = lambda net: jax.tree.map(lambda a: still(a) if eqx.is_array(a) else a, net)  # noqa: E731
    made = jax.vmap(generator)(z)
    deceived = jnp.mean(jax.nn.softplus(-jax.vmap(frozen(discriminator))(made)))
    told = jnp.mean(
        jax.nn.softplus(-jax.vmap(discriminator)(real)) + jax.nn.softplus(jax.vmap(discriminator)(still(made)))
    )
    slope = jax.vmap(jax.grad(discriminator))(real)
    return deceived + told + PENALTY * jnp.mean(jnp.sum(slope**2, axis=-1)), (deceived, told)


@eqx.filter_jit
def game_steps(state, case, key):
    nets, rest = eqx.partition(state[0], eqx.is_inexact_array)
    unit = Standardize(
        jnp.mean(case.learn, axis=0) + case.noise / 2, jnp.full(case.learn.shape[1], jnp.std(case.learn))
    )

    def step(carry, key):
        nets, state = carry
        real = jax.vmap(unit.inverse)(rows_of(case, key))
        z = jax.random.normal(key, (BATCH, case.latent))
        gradient, losses = jax.grad(lambda n: game(*eqx.combine(n, rest), real, z), has_aux=True)(nets)
        updates, state = game_optimizer.update(gradient, state)
        return (optax.apply_updates(nets, updates), state), jnp.stack(losses)

    (nets, state), losses = jax.lax.scan(step, (nets, state[1]), jax.random.split(key, STEPS))
    return (eqx.combine(nets, rest), state), jnp.mean(losses, axis=0)


def learned_game(case):
    nets, given = eqx.filter_jit(networks)(case.latent, case.learn.shape[1], case.width, key), arrays(case)
    start = (nets, game_optimizer.init(eqx.filter(nets, eqx.is_inexact_array)))
    step = lambda state, key, share: game_steps(state, given, key)  # noqa: E731
    (nets, _), curve = in_time(step, start, lambda state: None, case.seconds)
    scale, middle = case.learn.std(), case.learn.mean(axis=0) + case.noise / 2
    return lambda z: np.asarray(jax.vmap(nets[0])(z)) * scale + middle, curve


# %% [markdown]
# ## What is measured
#
# - **nats**: the mean log-density of new rows. Exact for the flow; for the VAE the importance weighted bound with 200
#   draws; for the GAN there is none.
# - **precision**: the share of draws that lie within the distance of the fifth neighbour of some real row
#   (Kynkäänniemi et al. 2019, *Improved precision and recall metric*, eq. 1).
# - **coverage**: the share of real rows that have a draw within the distance of their own fifth neighbour (Naeem et
#   al. 2020, *Reliable fidelity and diversity metrics*, eq. 8).
# - **roughness**, divided by that of the data: in the plane the distance from the lines, in pictures the squared
#   difference of a pixel from its neighbours. Below 1 is blurred, above 1 is noisy.
# - **rarest part**: of both lines, or the ten digits, the one that is drawn most seldom, as a multiple of its share
#   among the data. At 0 it is missing.


# %%
def measured(made, case):
    real = case.test
    within = cdist(made, real) <= np.sort(cdist(real, real), axis=1)[:, 5]
    shares = [np.mean(case.parts(made) == part) / np.mean(case.parts(real) == part) for part in set(case.parts(real))]
    return {
        "precision": within.any(axis=1).mean(),
        "coverage": within.any(axis=0).mean(),
        "roughness": case.roughness(made) / case.roughness(real),
        "rarest part": min(shares),
    }


@eqx.filter_jit
def moved(bijection, z):
    return jax.vmap(bijection.forward)(z)


def recipe(case):
    dim = case.learn.shape[1]
    return pf.flows.nsf_coupling(dim, num_layers=3 if dim == 2 else 2, width=case.width, key=key)


models, curves, table = {}, {}, {}
for name, case in CASES.items():
    dim, count = case.learn.shape[1], len(case.test)
    vae = pf.flows.vae(dim, latent=case.latent, width=case.width, key=key)
    flow, curves[name, "flow"] = learned_density(recipe(case), case, OBJECTIVES["flow"])
    vae, curves[name, "VAE"] = learned_density(vae, case, OBJECTIVES["VAE"])
    gan, curves[name, "GAN"] = learned_game(case)
    noise = jax.random.normal(key, (count, case.latent))
    nats = {
        "flow": -float(held_out(flow, case.test)),
        "VAE": pf.diagnostics.estimate_log_prob(vae, case.test[:500], k=200, key=key).log_prob.mean(),
    }
    draws = {"flow": flow.sample(key, count), "VAE": vae.sample(key, count), "GAN": gan(noise)}
    draws["VAE, means"] = moved(vae.bijection, noise)
    draws["more data"] = case.learn[:count] + case.noise * np.random.default_rng(1).random((count, dim))
    draws = {model: np.asarray(rows) for model, rows in draws.items()}
    models[name] = (flow, vae, gan, draws)
    print(f"{name:11} {'nats':>8} precision  coverage roughness  rarest part")
    for model, rows in draws.items():
        table[name, model] = found = measured(rows, case)
        score = f"{nats[model]:8.2f}" if model in nats else f"{'none':>8}"
        print(f"{model:12}{score}" + "".join(f"{value:10.2f}" for value in found.values()))
    table[name, "nats"] = nats
for name in ("moons", "rings"):
    print(f"{name}: {-pf.data.entropy(name):.2f} nats are the best possible")

# %%
for name in ("moons", "rings", "digits"):
    nats = table[name, "nats"]
    assert nats["flow"] > nats["VAE"]
    assert table[name, "more data"]["precision"] > 0.9
    assert table[name, "VAE, means"]["roughness"] < table[name, "VAE"]["roughness"] or name == "rings"

# %% [markdown]
# ## Training

# %%
figure = Figure(figsize=(9, 4.4), layout="compressed")
panels = figure.subplots(2, len(CASES))
for column, name in zip(panels.T, CASES, strict=True):
    column[0].set_title(name)
    for model in ("flow", "VAE"):
        used, loss = curves[name, model].T
        column[0].plot(used, loss, label=model)
        tail = loss[len(loss) // 8 :]
    column[0].set_ylim(min(curves[name, "flow"][:, 1]) * 0.95 - 0.3, max(tail) * 1.02)
    if name in LINES:
        column[0].axhline(pf.data.entropy(name), color="k", linestyle="--", linewidth=0.8)
    for place, who in enumerate(("generator", "discriminator")):
        column[1].plot(*curves[name, "GAN"][:, [0, place + 1]].T, color=f"C{place + 2}", label=who)
    column[1].set_xlabel("processor seconds")
panels[0, 0].set_ylabel("held-out loss, nats")
panels[1, 0].set_ylabel("GAN, both losses")
panels[0, -1].legend(frameon=False)
panels[1, -1].legend(frameon=False)
plots.save(figure, OUT / "vae_gan_flow_training.png")

# %% [markdown]
# ![Held-out losses of flow and VAE, and both losses of the GAN](figures/vae_gan_flow_training.png)
#
# Above, the held-out loss of flow and VAE; the dashed line is the entropy of the data. Below, the losses of the GAN.
# In the plane they settle at once near $\log 2$ and $2 \log 2$, where the discriminator cannot tell draws from data
# any more. That looks like the end of training, and the picture below shows that it is not.
#
# ## Draws, and ways between two points
#
# The orange lines in the plane, and the lower rows of pictures, are straight lines between two points in the latent
# space. The flow and the VAE can start from two *given* rows: both can encode. The GAN has no way from data to noise,
# so its line runs between two of its own draws.


# %%
def between(name, steps):
    """What the three models make of a straight line between two latent points."""
    flow, vae, gan, _ = models[name]
    case = CASES[name]
    parts = case.parts(case.test)
    ends = jnp.stack([case.test[np.flatnonzero(parts == part)[0]] for part in (0, 1)])
    share = jnp.linspace(0, 1, steps)[:, None]
    ways = {}
    for model, bijection in (("flow", flow.bijection), ("VAE", vae.bijection)):
        first, last = jax.vmap(bijection.inverse)(ends)
        ways[model] = moved(bijection, (1 - share) * first + share * last)
    first, last = jax.random.normal(jax.random.key(3), (2, case.latent))
    ways["GAN"] = gan((1 - share) * first + share * last)
    return {model: np.asarray(way) for model, way in ways.items()}


figure = Figure(figsize=(9, 4), layout="compressed")
for row, name in zip(figure.subplots(2, 4), LINES, strict=True):
    draws, ways = models[name][3] | {"data": CASES[name].test}, between(name, 400)
    for axes, model in zip(row, ("data", "flow", "VAE", "GAN"), strict=True):
        axes.scatter(*draws[model].T, s=2, color="C0", linewidths=0)
        if model in ways:
            axes.plot(*ways[model].T, color="C1", linewidth=1.5)
        axes.set(xticks=[], yticks=[], aspect="equal")
        middle, reach = draws["data"].mean(axis=0), 0.6 * np.ptp(draws["data"], axis=0)
        axes.set(xlim=middle[0] + reach[0] * np.array([-1, 1]), ylim=middle[1] + reach[1] * np.array([-1, 1]))
        axes.set_title(model if name == "moons" else "")
plots.save(figure, OUT / "vae_gan_flow_plane.png")

# %% [markdown]
# ![Moons and rings: data, draws, and a line between two latent points](figures/vae_gan_flow_plane.png)


# %%
def grey(rows, levels, count=10):
    side = round(rows.shape[1] ** 0.5)
    return np.clip(np.floor(rows[:count]), 0, levels - 1).reshape(-1, side, side, 1)


for name, levels in (("digits", 17), ("fashion", 256)):
    if name in CASES:
        draws, ways = models[name][3] | {"data": CASES[name].test}, between(name, 10)
        order = ("data", "flow", "VAE", "VAE, means", "GAN")
        sheet = [grey(draws[model], levels) for model in order] + [grey(ways[model], levels) for model in ways]
        labels = [*order, *(f"{model}, line" for model in ways)]
        plots.save(plots.image_rows(sheet, levels=levels, labels=labels), OUT / f"vae_gan_flow_{name}.png")

# %% [markdown]
# ![Digits: data, draws of the three models, and three lines between two latent points](figures/vae_gan_flow_digits.png)
#
# ## What is true on these data
#
# - **The plane is the flow's.** In two dimensions nothing is gained by going through latent variables, and an exact
#   density is the right thing to train on. Its flaw is the [bridge](bridge_between_moons.md) from one part to the
#   other. The VAE is blurred, its means as well. The GAN draws thin lines, and leaves bridges too, since its noise is
#   in one piece like that of the flow. On the rings most of the outer one is missing, and its losses do not show it.
# - **On digits the figures disagree.** The flow has by far the best density and the most natural roughness. But
#   *means* of the VAE have the best precision and coverage, as good as more real data, although they are visibly
#   blurred: a picture without noise lies in the middle of many noisy ones, and a measure by neighbours likes the
#   middle. Noise of the decoder undoes it. No one of the columns is *the* quality.
# - **The flow learns by heart first.** With 1,200 digits its held-out loss turns before the time is over; that it has
#   a held-out loss is what saves it. The VAE, with fewer numbers in the middle, is still getting better.
# - **The GAN** needs no density, and any network will do. With 4 seconds of digits its draws are on a level with those
#   of the VAE. Of two runs of this page, whose steps differ in number alone, its figures changed most.
#
# | question | flow | VAE | GAN |
# |---|---|---|---|
# | how likely is this row? | exact | a bound, or an estimate from many draws | no answer |
# | is this model better than that one? | by held-out rows | by held-out bounds | by measures on draws alone |
# | when to stop? | when the held-out loss turns | the same | no answer |
# | the code of this row? | exact, as long as the row | few numbers, with their spread | no answer |
# | is a part of the data missing? | its rows have low densities | the same, by bounds | by comparing draws |
# | draws | one pass; sharp, with faults | one pass; blurred, or with noise | one pass; sharp, with faults |
#
# ## Exercises
#
# 1. Take rows of the training data for draws. Which of the measures finds out?
# 2. Draw from the upper moon alone, perfectly. What do precision and coverage say?
# 3. Ask for the density of a point half-way between the moons.

# %% solution 1
# None: copies are as good as more data (the last line of each table). A held-out density is not fooled: a model that
# has learned its rows by heart gives new ones a low one.
copies = measured(CASES["moons"].learn[:2000], CASES["moons"])
print({name: round(float(value), 2) for name, value in copies.items()})
assert copies["precision"] > 0.95

# %% solution 2
# All draws are real, and half of the data are not covered: precision 1, coverage 1/2, and a part that is missing.
case = CASES["moons"]
half_of_it = measured(case.learn[case.parts(case.learn) == 0], case)
print({name: round(float(value), 2) for name, value in half_of_it.items()})
assert half_of_it["precision"] > 0.95
assert half_of_it["coverage"] < 0.6
assert half_of_it["rarest part"] == 0

# %% solution 3
# The flow says exactly what *it* thinks, the VAE by many draws, the GAN nothing. Neither is near the truth: between the
# parts are bridges, and no data that tell how deep the valley is.
flow, vae, _, _ = models["moons"]
point = jnp.array([[0.5, 0.25]])
found = pf.diagnostics.estimate_log_prob(vae, point, k=200, key=key)
print(
    f"flow {flow.log_prob(point)[0]:.1f}, VAE {found.log_prob[0]:.1f}, truth {pf.data.moons_log_density(point)[0]:.1f}"
)
