# %% [markdown]
# # When is a map invertible?
#
# The change of variables needs a map that can be undone: every $x$ must come from exactly one $z$. This page takes
# four maps, a cosine, a square, a tanh and a sum, and asks each two questions: from where to where is it one to one,
# and what becomes of the density if it is not?

# %%
import os
from pathlib import Path
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from pushforward import plots
from pushforward.bijections import AbstractElementwise, Chain, Exp, Linear, Log, Logit, Shift, Square, Tanh
from pushforward.distributions import Normal, Transformed, Uniform
from pushforward.supports import Interval

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
key = jax.random.key(0)

# %% [markdown]
# ## The cosine
#
# On the whole line the cosine takes every value between -1 and 1 again and again. On $[0, \pi]$ it takes each of them
# once: there it has an inverse, $\arccos$. So a map is more than a formula; it is a formula *and* the set on which it
# acts. In the library this set is the `domain` of a bijection, and what comes out is its `image`.
#
# The library has no cosine, so we write one. Its derivative is $-\sin x$. The sign does not matter: a density asks by
# how much the map stretches, not which way.


# %%
class Cosine(AbstractElementwise):
    """y = cos x on [0, pi], with log|dy/dx| = log sin x."""

    shape: tuple[int, ...] = eqx.field(static=True, default=())
    forward_kind: ClassVar[str] = "analytic"
    inverse_kind: ClassVar[str] = "analytic"

    @property
    def domain(self):
        return Interval(0.0, float(np.pi))

    @property
    def image(self):
        return Interval(-1.0, 1.0)

    def _forward_pointwise(self, x):
        return jnp.cos(x), jnp.log(jnp.sin(x))

    def _inverse_pointwise(self, x):
        inside = jnp.abs(x) < 1
        safe = jnp.where(inside, x, 0.0)
        return jnp.arccos(safe), jnp.where(inside, -0.5 * jnp.log1p(-safe * safe), -jnp.inf)


cosine = Transformed(Uniform(jnp.zeros(1), np.pi), Cosine((1,)))
x = jnp.linspace(-0.99, 0.99, 199)[:, None]
arcsine = 1 / (np.pi * np.sqrt(1 - np.asarray(x[:, 0]) ** 2))
assert np.allclose(jnp.exp(cosine.log_prob(x)), arcsine, rtol=1e-4)

# %% [markdown]
# A point that runs round a circle at constant speed is seen from the side at $\cos\theta$: it spends most of its time
# near the ends. The density $1/(\pi\sqrt{1 - x^2})$ says the same. It even goes to infinity at the ends, where the
# slope of the cosine is 0, and still holds the probability 1.

# %%
samples = np.asarray(cosine.sample(key, 50_000))[:, 0]
outer = np.mean(np.abs(samples) > np.cos(np.pi / 4))
print(f"share of the time in the outer parts, beyond cos 45°: {outer:.3f}")
assert abs(outer - 0.5) < 0.01

# %% [markdown]
# ## The square, and what to do about two branches
#
# On the whole line, $x = z^2$ comes from $z$ and from $-z$. The square has an inverse on the positive numbers only,
# and `Square` says so. A normal distribution does not fit in front of it:

# %%
try:
    Transformed(Normal.standard((1,)), Square((1,)))
except ValueError as error:
    print(error)
else:
    raise AssertionError("a normal has negative numbers")

# %% [markdown]
# The square of a normal has a density all the same; only the formula needs a sum. Each branch is a bijection of its
# own, and the probability that arrives at $x$ is what comes along all of them:
#
# $$p(x) = \sum_{z:\, z^2 = x} p_z(z) \left|\frac{dz}{dx}\right|.$$

# %%
normal = Normal.standard((1,))
x = jnp.linspace(0.05, 6.0, 120)[:, None]
root, log_det = jax.vmap(Square((1,)).inverse_and_log_det)(x)
both = (jnp.exp(normal.log_prob(root)) + jnp.exp(normal.log_prob(-root))) * jnp.exp(log_det)
assert np.allclose(both, stats.chi2(1).pdf(np.asarray(x[:, 0])), rtol=1e-4)
print("the sum of both branches is the density of chi-squared with one degree of freedom")

# %%
figure = Figure(figsize=(9, 2.9), layout="compressed")
left, middle, right = figure.subplots(1, 3)
angle = np.linspace(-np.pi, 2 * np.pi, 400)
left.plot(angle, np.cos(angle), color="0.75")
angle = np.linspace(0, np.pi, 100)
left.plot(angle, np.cos(angle), color="C0", linewidth=3)
left.axhline(0.5, color="C1", linewidth=1)
hits = np.array([-np.pi / 3, np.pi / 3, 5 * np.pi / 3])
left.plot(hits, np.full(3, 0.5), "o", color="C1", markerfacecolor="white")
left.plot([np.pi / 3], [0.5], "o", color="C1")
left.set(title="one to one on [0, π] only", xlabel="z", ylabel="cos z")
left.set_xticks([-np.pi, 0, np.pi, 2 * np.pi], ["-π", "0", "π", "2π"])
middle.hist(samples, 60, density=True, color="0.8")
grid = np.linspace(-0.995, 0.995, 400)
middle.plot(grid, 1 / (np.pi * np.sqrt(1 - grid**2)), color="C0")
middle.set(title="cosine of a uniform angle", xlabel="x", ylabel="density", ylim=(0, 2.5))
positive = np.asarray(jnp.exp(normal.log_prob(root) + log_det))
grid = np.asarray(x[:, 0])
right.fill_between(grid, positive, color="C0", alpha=0.5, label="from z > 0")
right.fill_between(grid, positive, both, color="C1", alpha=0.5, label="from z < 0")
right.plot(grid, both, color="black", linewidth=1, label="together")
right.set(title="square of a normal", xlabel="x", ylabel="density", ylim=(0, 1.2))
right.legend(frameon=False)
plots.save(figure, OUT / "invertible_maps_branches.png")

# %% [markdown]
# ![The cosine and its branches; its density; the two branches of a square](figures/invertible_maps_branches.png)
#
# ## Chains: what fits behind what
#
# In a chain each map must take what the map before it gives. The library checks this when the chain is built, and
# says what to put between. Without the check, a logarithm of a negative number would be NaN somewhere in training.

# %%
refused = {
    "a logarithm of any number": lambda: Chain([Shift(jnp.ones(1)), Log((1,))]),
    "a square of numbers between -1 and 1": lambda: Chain([Tanh((1,)), Square((1,))]),
    "two numbers where one is wanted": lambda: Chain([Shift(jnp.ones(2)), Square((1,))]),
}
for what, build in refused.items():
    try:
        build()
    except ValueError as error:
        print(f"{what}:\n    {error}")
    else:
        raise AssertionError(what)

# %% [markdown]
# A tanh is one to one on the whole line, but it does not reach the whole line: nothing beyond 1 comes out. That is no
# fault. The density there is 0, and the other side of the chain must not ask for more than there is.

# %%
squashed = Transformed(normal, Tanh((1,)))
assert jnp.isneginf(squashed.log_prob(jnp.array([1.5])))
open_again = Chain([Tanh((1,)), Logit((1,), low=-1.0, high=1.0)])  # the logit of tanh z is 2 z
assert jnp.allclose(open_again.forward(jnp.array([0.7])), 1.4, atol=1e-5)

# %% [markdown]
# ## Sums
#
# $s = z_1 + z_2$ cannot be undone: 5 may be 1 + 4 or 2 + 3. One number cannot hold two. Keep the difference
# $d = z_1 - z_2$ beside it, and nothing is lost; the matrix of the pair has the determinant -2. The density of the sum
# alone is then an integral over the difference.

# %%
pair = Linear(2, matrix=[[1.0, 1.0], [1.0, -1.0]])
back = pair.inverse(jnp.array([5.0, -3.0]))
assert jnp.allclose(back, jnp.array([1.0, 4.0]))
assert jnp.allclose(pair.forward_and_log_det(back)[1], jnp.log(2.0))

two_uniform = Transformed(Uniform(jnp.zeros(2), 1.0), pair)
differences = jnp.linspace(-1.0, 1.0, 2001)
for s in (0.25, 1.0, 1.7):
    events = jnp.stack([jnp.full_like(differences, s), differences], axis=1)
    density = jnp.sum(jnp.exp(two_uniform.log_prob(events))).item() * 0.001
    print(f"density of a sum of {s}: {density:.3f}, exactly {min(s, 2 - s):.3f}")
    assert abs(density - min(s, 2 - s)) < 0.002

# %% [markdown]
# A square matrix may lose a dimension as well: if its second row repeats the first, everything lands on a line. Its
# determinant is 0, and the logarithm of that is minus infinity. There is no density in the plane any more.

# %%
flat = Linear(2, matrix=[[1.0, 1.0], [1.0, 1.0]])
assert jnp.isneginf(flat.forward_and_log_det(jnp.zeros(2))[1])
assert jnp.array_equal(flat.forward(jnp.array([1.0, 4.0])), flat.forward(jnp.array([2.0, 3.0])))

# %% [markdown]
# ## Exercises
#
# 1. $\theta$ is uniform on $[0, 2\pi]$, the whole circle. What is the density of $\cos\theta$? Use both branches.
# 2. Push a standard normal through `Exp`. What is the density at $x = 2$? Which distribution of SciPy is it?
# 3. The maximum of $z_1$ and $z_2$ loses something. What has to be kept beside it?

# %% solution 1
# Each branch, [0, pi] and [pi, 2 pi], has half of the probability and gives half of the arcsine density: the same sum.
x = jnp.array([0.3])
angle, log_det = Cosine((1,)).inverse_and_log_det(x)
circle = Uniform(jnp.zeros(1), 2 * np.pi)
total = sum(jnp.exp(circle.log_prob(branch) + log_det) for branch in (angle, 2 * np.pi - angle))
assert jnp.allclose(total, jnp.exp(cosine.log_prob(x)), rtol=1e-5)

# %% solution 2
log_normal = Transformed(normal, Exp((1,)))
density = jnp.exp(log_normal.log_prob(jnp.array([2.0]))).item()
assert np.isclose(density, stats.lognorm(1.0).pdf(2.0), rtol=1e-5)
assert np.isclose(density, stats.norm.pdf(np.log(2.0)) / 2, rtol=1e-5)

# %% solution 3
# The minimum, and which of the two was the larger: a bit that the sorted pair has lost.
pair_1, pair_2 = np.array([1.0, 4.0]), np.array([4.0, 1.0])
assert np.array_equal(np.sort(pair_1), np.sort(pair_2))
assert np.argmax(pair_1) != np.argmax(pair_2)
