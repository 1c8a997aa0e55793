# %% [markdown]
# # A step of Glow, part by part
#
# Glow (Kingma & Dhariwal 2018, *Glow: Generative flow with invertible 1x1 convolutions*) is one step, many times, at
# several scales. The step has three parts: a normalisation of each channel, a mixing of the channels, and a coupling.
# This page takes them one by one on pictures of 8 x 8 pixels, puts them together, and walks through the pictures that
# come out.

# %%
import os
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits

import pushforward as pf
from pushforward import plots
from pushforward.bijections import LU, ActNorm, Coupling, EachPixel, Linear, Shift, SigmoidAffine, Squeeze
from pushforward.distributions import Normal, Transformed

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
LEVELS = 17
key = jax.random.key(0)
loaded, order = load_digits(), np.random.default_rng(0).permutation(1797)
digits = loaded.images[order][..., None].astype(np.float32)  # (1797, 8, 8, 1), grey values 0 to 16

# %% [markdown]
# ## Squeeze: pixels become channels
#
# A square of 2 x 2 pixels becomes one pixel with four channels. Nothing is computed, so the log-determinant is 0. Each
# channel is a picture of half the size, and the four are alike: a coupling that sees two of them knows something
# of the other two.

# %%
squeeze = Squeeze((8, 8, 1))
small, log_det = jax.vmap(squeeze.forward_and_log_det)(digits)
print(f"{squeeze.in_shape} becomes {squeeze.out_shape}, log-det {log_det[0]:.0f}")
flat = np.asarray(small).reshape(-1, 4)
print(f"correlation of neighbouring channels: {np.corrcoef(flat.T)[0, 1]:.2f}")
assert jnp.array_equal(small[0, 0, 0], digits[0, :2, :2, 0].ravel())

# %% [markdown]
# ## Actnorm: every channel gets mean 0 and spread 1
#
# A shift and a scale for each channel, the same for all pixels. They are *parameters*: the first batch sets them, and
# from then on they are learned like others. So a batch of one picture is as good as one of a thousand, which cannot be
# said of batch normalisation. All 16 pixels of a channel share the scale $s_c$, so the log-determinant is $16 \sum_c
# \log s_c$. `fit` sets them; here it does nothing else, since it learns at a rate of nearly 0.

# %%
norm = Transformed(Normal.standard((4, 4, 4)), ActNorm((4, 4, 4)))
norm = pf.fit(norm, np.asarray(small), learning_rate=1e-9, max_epochs=1, progress=False, key=key).flow.bijection
noise, log_det = jax.vmap(norm.inverse_and_log_det)(small)
print("spread of the channels before:", np.round(small.std(axis=(0, 1, 2)), 2), " after:", noise.std(axis=(0, 1, 2)))
scale = small.std(axis=(0, 1, 2))
assert jnp.allclose(noise.mean(axis=(0, 1, 2)), 0.0, atol=0.05)
assert jnp.allclose(log_det[0], -16 * jnp.sum(jnp.log(scale)), rtol=0.05)

# %% [markdown]
# ## The 1x1 convolution: a matrix for the channels
#
# Couplings change only some of the channels, so the channels must change places in between. RealNVP reverses them.
# Glow multiplies the channels of each pixel by one matrix $W$, of which a reversal is a special case. The same matrix
# acts on $h \cdot w$ pixels: the log-determinant is $h\,w \log|\det W|$.

# %%
mix = EachPixel(Linear(4, key=key), (4, 4))
matrix = mix.forward(jnp.zeros((4, 4, 4)).at[0, 0].set(jnp.eye(4)[0]))[0, 0]  # what becomes of the first channel
print("the first channel goes to the four by", np.round(matrix, 2))
stretched = EachPixel(Linear(4, matrix=np.diag([1.0, 2.0, 3.0, 4.0])), (4, 4))
log_det = stretched.forward_and_log_det(small[0])[1]
print(f"log-det of a diagonal matrix: {log_det:.3f}; 16 log 24 = {16 * np.log(24):.3f}")
assert jnp.allclose(log_det, 16 * np.log(24), rtol=1e-5)
assert jnp.allclose(mix.forward_and_log_det(small[0])[1], 0.0, atol=1e-4)  # a rotation at the start

# %% [markdown]
# A determinant of $c$ channels costs of the order of $c^3$ operations. Written as a product of a lower and an upper
# triangular matrix, $W = L\,U$, it is the product of the diagonal: of the order of $c$.

# %%
plain, triangular = jax.jit(lambda w: jnp.linalg.slogdet(w)[1]), jax.jit(lambda w: jnp.sum(jnp.log(jnp.diagonal(w))))


def microseconds(function, matrix, times=100):
    """The shortest of some runs."""
    runs = []
    for _ in range(times):
        start = time.perf_counter()
        function(matrix).block_until_ready()
        runs.append(time.perf_counter() - start)
    return 1e6 * min(runs[1:])


print("channels   full matrix   triangular    microseconds for a log-determinant")
for channels in (12, 48, 192):
    w = jnp.eye(channels) + 0.01 * jax.random.normal(key, (channels, channels))
    print(f"{channels:8} {microseconds(plain, w):13.0f} {microseconds(triangular, w):12.0f}")
assert jnp.allclose(LU(4).forward_and_log_det(jnp.arange(4.0))[0], jnp.arange(4.0))  # the library's starts as it is

# %% [markdown]
# Pictures have 12 channels behind the first squeeze and 48 behind the third. There it makes no odds, and the plain
# matrix is this library's default.
#
# ## Couplings: additive and affine
#
# Half of the channels go through a network, which says how to shift the other half (additive), or how to shift and
# scale it (affine). An additive coupling keeps every volume: its log-determinant is 0, whatever the network.


# %%
def shaken(layer):
    """With random weights: a new coupling is the identity."""
    return jax.tree.map(lambda leaf: leaf + 0.2 * jax.random.normal(key, leaf.shape), layer)


for name, inner in {"additive": Shift(), "affine": SigmoidAffine()}.items():
    layer = shaken(Coupling(inner, (4, 4, 4), width=16, depth=2, key=key))
    y, log_det = layer.forward_and_log_det(noise[0])
    kept = [channel for channel in range(4) if jnp.array_equal(y[..., channel], noise[0, ..., channel])]
    print(f"{name:9} log-det {log_det:8.3f}, channels {kept} stay")
    assert len(kept) == 2
    assert jnp.allclose(layer.inverse(y), noise[0], atol=1e-3)
    assert (abs(log_det) < 1e-5) == (name == "additive")

# %% [markdown]
# ## All together, at several scales
#
# After some steps half of the channels leave for the base as they are, and the other half is squeezed again: fine
# detail is settled early and cheaply, and what a picture is about has the most layers. `flows.glow` is this, with
# noise for the whole grey values. With two scales, 32 numbers leave after the first, and 32 go on to the second:

# %%
two_scales = eqx.filter_eval_shape(pf.flows.glow, (8, 8, 1), num_levels=2, grey_levels=LEVELS, key=key)
print("latent variables of two scales, the last first:", two_scales.bijection.bijections[0].latent_shapes)

# %% [markdown]
# Pictures of 8 x 8 pixels are small enough for one scale of six steps.

# %%
glow = pf.flows.glow((8, 8, 1), num_levels=1, num_steps=6, width=48, grey_levels=LEVELS, key=key)
settings = {"batch_size": 64, "learning_rate": 2e-3, "patience": None, "progress": False, "key": key}
glow = pf.fit(glow, digits, max_epochs=15, **settings).flow
bits = -float(jnp.mean(glow.log_prob(digits[:500], key=key))) / 64 / np.log(2)
print(f"{bits:.2f} bits a pixel, on digits of the training; {np.log2(LEVELS):.2f} without any model")
assert bits < 3.4

# %% [markdown]
# ## Temperature
#
# Draw the noise with a spread below 1, and the pictures come from where the density is high: less variety, fewer
# faults. It is a knob for the eye. The draws are no longer from the model, and nothing says that the data are.

# %%
rows, labels = [], []
for temperature in (0.3, 0.7, 1.0):
    drawn = glow.sample(key, 400, temperature=temperature)
    rows.append(np.asarray(drawn[:10]))
    labels.append(f"T = {temperature}")
    print(f"temperature {temperature}: spread of a pixel over draws {float(drawn.std(axis=0).mean()):.2f}")
print(f"of the digits: {digits.std(axis=0).mean():.2f}")
rows, labels = [digits[:10], *rows], ["digits", *labels]
plots.save(plots.image_rows(rows, levels=LEVELS, labels=labels), OUT / "glow_step_temperature.png")

# %% [markdown]
# ![Digits, and draws at three temperatures](figures/glow_step_temperature.png)
#
# ## From one picture to another
#
# Every picture has its noise $z$, exactly: so the way between two pictures may go through the noise. A straight line
# $(1-t) z_1 + t z_2$ passes near the middle, where no sample of a normal in 64 dimensions ever is: a sample has a
# length near $\sqrt{64} = 8$, the middle of two of them $8/\sqrt 2$. A way around the sphere keeps the length.


# %%
def sphere(z1, z2, t):
    angle = jnp.arccos(jnp.sum(z1 * z2) / jnp.linalg.norm(z1) / jnp.linalg.norm(z2))
    return (jnp.sin((1 - t) * angle) * z1 + jnp.sin(t * angle) * z2) / jnp.sin(angle)


encode = jax.jit(jax.vmap(lambda x, k: glow.bijection.inverse(x, key=k)))
decode = jax.jit(jax.vmap(glow.bijection.forward))
four = np.stack([digits[loaded.target[order] == label][0] for label in (0, 1, 4, 7)])
ends = encode(four, jax.random.split(key, 4))
t = jnp.linspace(0, 1, 9)[:, None]
ways = {"straight": (1 - t) * ends[0] + t * ends[1], "spherical": sphere(ends[0], ends[1], t)}
for name, way in ways.items():
    lengths = jnp.linalg.norm(way, axis=1)
    print(f"{name:10} lengths: {lengths[0]:.1f} at one end, {lengths[4]:.1f} in the middle, {lengths[8]:.1f}")
assert jnp.array_equal(decode(ends), four)  # back to the very pictures

# %% [markdown]
# ## Between four pictures
#
# RealNVP's authors span a whole sheet between four pictures (Dinh et al. 2017, *Density estimation using Real NVP*,
# eq. 19):
#
# $$z = \cos\phi\,(\cos\phi'\, z_1 + \sin\phi'\, z_2) + \sin\phi\,(\cos\phi'\, z_3 + \sin\phi'\, z_4).$$
#
# The squares of the four weights add up to 1, so $z$ is as typical as the four are.

# %%
angles = np.linspace(0, np.pi / 2, 9)
grid = [
    np.cos(a) * (np.cos(b) * ends[0] + np.sin(b) * ends[1]) + np.sin(a) * (np.cos(b) * ends[2] + np.sin(b) * ends[3])
    for a in angles
    for b in angles
]
pictures = np.asarray(decode(jnp.stack(grid))).reshape(9, 9, 8, 8, 1)
for corner, image in {(0, 0): 0, (0, -1): 1, (-1, 0): 2, (-1, -1): 3}.items():
    assert np.array_equal(pictures[corner], four[image])
both = [np.asarray(decode(way)) for way in ways.values()]
plots.save(plots.image_rows(both, levels=LEVELS, labels=list(ways)), OUT / "glow_step_ways.png")
plots.save(plots.image_rows(list(pictures), levels=LEVELS), OUT / "glow_step_four.png")

# %% [markdown]
# ![A straight and a spherical way between two digits](figures/glow_step_ways.png)
#
# ![A sheet of digits between four, at its corners](figures/glow_step_four.png)
#
# The straight way fades in the middle, as draws at a low temperature do: its noise is too short. In between are
# strokes that are half of one digit and half of another, and some that are none. A flow is trained on the density of
# the data, and nothing asks that its latent space be a good map. Nor are its own draws after so short a training as
# good as these.
#
# ## Exercises
#
# 1. Check $h\,w\log|\det W|$ against the determinant of the whole Jacobian of a 1x1 convolution.
# 2. With additive couplings alone, can a flow make a density higher anywhere? What of the other parts of the step?
# 3. Show that the squares of the four weights add up to 1.

# %% solution 1
wild = EachPixel(Linear(2, matrix=[[1.0, 2.0], [0.5, 3.0]]), (2, 2))
jacobian = jax.jacobian(wild.forward)(jnp.zeros((2, 2, 2))).reshape(8, 8)
assert jnp.allclose(jnp.linalg.slogdet(jacobian)[1], 4 * jnp.log(2.0), atol=1e-5)  # det W = 3 - 1 = 2
assert jnp.allclose(wild.forward_and_log_det(jnp.zeros((2, 2, 2)))[1], 4 * jnp.log(2.0), atol=1e-5)

# %% solution 2
# No: where a map keeps volumes, the density of x is that of its z, and the highest of all stays as high as it was.
# Actnorm and the 1x1 convolutions scale, alike for all pictures: they set how high the densities are at all.
additive = shaken(Coupling(Shift(), (4, 4, 4), width=16, depth=2, key=key))
shifted = Transformed(Normal.standard((4, 4, 4)), additive)
highest = shifted.base.log_prob(jnp.zeros((4, 4, 4)))
assert jnp.all(shifted.log_prob(shifted.sample(key, 500)) <= highest)

# %% solution 3
# cos^2 a (cos^2 b + sin^2 b) + sin^2 a (cos^2 b + sin^2 b) = cos^2 a + sin^2 a = 1.
a, b = np.random.default_rng(0).uniform(0, np.pi / 2, (2, 100))
weights = [np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a) * np.cos(b), np.sin(a) * np.sin(b)]
assert np.allclose(np.sum(np.square(weights), axis=0), 1.0)
