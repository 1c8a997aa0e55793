# %% [markdown]
# # The Jacobian in pictures
#
# Near one point every smooth map looks like a matrix, its Jacobian. How much larger the matrix makes areas is its
# determinant, and this is the only thing that a density asks of a map. First matrices, then a map that bends, and at
# last the price: why flows are built from triangular Jacobians.

# %%
import os
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from threadpoolctl import threadpool_limits

from pushforward import plots
from pushforward.bijections import Chain, Linear, Tanh, TriangularAffine
from pushforward.distributions import Normal, Transformed

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
key = jax.random.key(0)

# %% [markdown]
# ## Five matrices
#
# The unit square has the area 1. Send its corners through a matrix and measure the area of what comes out, with the
# surveyor's formula: half the sum of $x_i y_{i+1} - x_{i+1} y_i$ round the corners. The sign says whether the corners
# still run the same way round.


# %%
def area(corners):
    x, y = np.asarray(corners, float).T
    return 0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)


SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
turn = np.pi / 6
MATRICES = {
    "stretch": np.array([[1.5, 0.0], [0.0, 0.5]]),
    "rotation": np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]),
    "shear": np.array([[1.0, 0.8], [0.0, 1.0]]),
    "reflection": np.array([[-1.0, 0.0], [0.0, 1.0]]),
    "projection": np.array([[0.5, 0.5], [0.5, 0.5]]),
}
for name, matrix in MATRICES.items():
    measured, log_det = area(SQUARE @ matrix.T), Linear(2, matrix=matrix).forward_and_log_det(jnp.zeros(2))[1]
    print(f"{name:10}  area {measured:6.3f}  log|det| {log_det:6.3f}")
    assert np.isclose(measured, np.linalg.det(matrix), atol=1e-6)
    assert np.isclose(np.exp(log_det), abs(measured), rtol=1e-5)  # exp(-inf) is 0

# %% [markdown]
# Rotations and shears keep areas, and so they keep densities: the log-determinant is 0. A reflection has the
# determinant -1; densities take its absolute value. A projection presses the square flat: determinant 0, no inverse.

# %%
figure = Figure(figsize=(10, 2.5), layout="compressed")
lines = np.linspace(-1, 1, 9)
for axes, (name, matrix) in zip(figure.subplots(1, 5), MATRICES.items(), strict=True):
    for level in lines:
        for start, end in (((level, -1), (level, 1)), ((-1, level), (1, level))):
            axes.plot(*(np.array([start, end]) @ matrix.T).T, color="0.8", linewidth=0.6)
    axes.fill(*SQUARE.T, facecolor="none", edgecolor="black", linestyle=":")
    axes.fill(*(SQUARE @ matrix.T).T, color="C0", alpha=0.6)
    for vector, colour in zip(matrix.T, ("C1", "C3"), strict=True):
        axes.annotate("", vector, (0, 0), arrowprops={"arrowstyle": "->", "color": colour, "linewidth": 1.6})
    axes.set(xlim=(-1.9, 1.9), ylim=(-1.9, 1.9), aspect="equal", xticks=[], yticks=[])
    axes.set_title(f"{name}\ndet = {np.linalg.det(matrix):.2f}".replace("-0.00", "0.00"), fontsize=10)
plots.save(figure, OUT / "jacobian_in_pictures_matrices.png")

# %% [markdown]
# ![Five matrices: the unit square and what becomes of it](figures/jacobian_in_pictures_matrices.png)
#
# The dotted square is the unit square, the blue one what becomes of it; the arrows are the columns of the matrix.
#
# ## A map that bends
#
# $f(r, \theta) = (r\cos\theta, r\sin\theta)$ bends a rectangle into a part of a ring. Its Jacobian differs from point
# to point, and its determinant is $r$: squares far from the centre become large. Measure small squares.


# %%
def polar(z):
    return jnp.stack([z[0] * jnp.cos(z[1]), z[0] * jnp.sin(z[1])])


def stretch_measured(f, z, side):
    corners = z + side * (SQUARE - 0.5)
    return area(jax.vmap(f)(jnp.asarray(corners, jnp.float32))) / side**2


for radius in (0.5, 1.0, 2.0):
    z = jnp.array([radius, 0.7])
    exact = jnp.linalg.det(jax.jacfwd(polar)(z)).item()
    sizes = [stretch_measured(polar, np.asarray(z), side) for side in (1.0, 0.3, 0.1)]
    print(f"r = {radius}: det {exact:.3f}, squares of side 1, 0.3, 0.1: {', '.join(f'{size:.3f}' for size in sizes)}")
    assert np.isclose(exact, radius, rtol=1e-5)
    assert abs(sizes[-1] - exact) < 0.01 * exact  # the smaller the square, the nearer
    assert abs(sizes[0] - exact) > abs(sizes[1] - exact) > abs(sizes[2] - exact)

# %%
figure = Figure(figsize=(7.2, 3.2), layout="compressed")
before, after = figure.subplots(1, 2)
radii, angles = np.linspace(0.25, 2.25, 9), np.linspace(0.0, 2.0, 9)
fine = np.linspace(0, 1, 30)
edge = np.concatenate([a + fine[:, None] * (b - a) for a, b in zip(SQUARE, np.roll(SQUARE, -1, axis=0), strict=True)])
for low_r in radii[:-1]:
    for low_a in angles[:-1]:
        z = np.array([low_r, low_a]) + 0.25 * edge
        middle = low_r + 0.125
        colour = colormaps["viridis"](1.0 - (middle - 0.25) / 2.0)
        before.fill(*z.T, facecolor=colour, edgecolor="white", linewidth=0.5)
        after.fill(*np.asarray(jax.vmap(polar)(z)).T, facecolor=colour, edgecolor="white", linewidth=0.5)
before.set(title="(r, θ): squares of one size", xlabel="r", ylabel="θ", aspect="equal")
after.set(title="(r cos θ, r sin θ): det = r", xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
plots.save(figure, OUT / "jacobian_in_pictures_polar.png")

# %% [markdown]
# ![Squares of one size, and what a polar map makes of them](figures/jacobian_in_pictures_polar.png)
#
# Each square holds the same probability before and after. Yellow squares become small, so the density there is high;
# dark ones become large, and the density is low.
#
# ## The log-determinant of a chain
#
# Jacobians of maps in turn are multiplied, and so are their determinants. The logarithms add up. A bijection of the
# library gives its log-determinant with every value, and automatic differentiation agrees.

# %%
chain = Chain([Linear(2, matrix=MATRICES["stretch"]), Tanh((2,)), Linear(2, matrix=MATRICES["shear"])])
z = jnp.array([0.4, -0.3])
x, log_det = chain.forward_and_log_det(z)
by_derivatives = jnp.log(jnp.abs(jnp.linalg.det(jax.jacfwd(chain.forward)(z))))
one_by_one, at = 0.0, z
for part in chain.bijections:
    at, own = part.forward_and_log_det(at)
    one_by_one += own
print(f"log-det of the chain {log_det:.4f}, of its parts {one_by_one:.4f}, by derivatives {by_derivatives:.4f}")
assert jnp.allclose(log_det, by_derivatives, atol=1e-5)
assert jnp.allclose(log_det, one_by_one, atol=1e-6)

# %% [markdown]
# ## What a determinant costs
#
# The determinant of a full matrix of $n$ columns takes about $n^3$ operations. Of a triangular one it is the product
# of the diagonal: $n$ operations. With 1000 columns that is a factor of a million on paper. The machine narrows it,
# since large products keep it busy and small ones do not, but it stays large.

# %%
dense = jax.jit(lambda matrix: jnp.linalg.slogdet(matrix)[1])
triangular = jax.jit(lambda matrix: jnp.sum(jnp.log(jnp.diagonal(matrix))))


def seconds(task, matrix):
    jax.block_until_ready(task(matrix))  # compiles
    times = []
    with threadpool_limits(1):  # one core, or the clock tells of how the cores share the work
        for _ in range(20):
            start = time.perf_counter()
            jax.block_until_ready(task(matrix))
            times.append(time.perf_counter() - start)
    return min(times)


sizes, table = [64, 128, 256, 512, 1024], []
for n in sizes:
    lower = jnp.tril(jax.random.normal(key, (n, n)) / n, -1) + jnp.diag(jnp.linspace(0.5, 1.5, n))
    assert jnp.allclose(dense(lower), triangular(lower), rtol=1e-3, atol=1e-2)
    table.append((seconds(dense, lower), seconds(triangular, lower)))
    print(f"n = {n:5}: {1e3 * table[-1][0]:8.3f} ms full, {1e3 * table[-1][1]:6.3f} ms triangular")
assert table[-1][0] > 20 * table[-1][1]
assert table[-1][0] > 4 * table[1][0]

# %%
figure = Figure(figsize=(4.6, 3.2), layout="compressed")
axes = figure.subplots()
full, diagonal = 1e3 * np.array(table).T
axes.loglog(sizes, full, "o-", label="full matrix")
axes.loglog(sizes, diagonal, "s-", label="triangular matrix")
axes.loglog(sizes, full[-1] * (np.array(sizes) / sizes[-1]) ** 3, color="0.6", linestyle=":", label="slope 3")
axes.set(xlabel="columns n", ylabel="milliseconds", ylim=(min(diagonal) / 3, None))
axes.set_xticks(sizes, [str(n) for n in sizes])
axes.minorticks_off()
axes.legend(frameon=False)
plots.save(figure, OUT / "jacobian_in_pictures_cost.png")

# %% [markdown]
# ![Time of a log-determinant by the number of columns](figures/jacobian_in_pictures_cost.png)
#
# Coupling and autoregressive layers have triangular Jacobians, whatever the networks inside them compute. That is
# what the next lessons are about.
#
# ## Exercises
#
# 1. A normal is pushed through the shear. Show that its density at the image of any point is what it was before.
# 2. What is $\log|\det|$ of a matrix that doubles every one of 784 pixels? How many nats is that?
# 3. A triangular matrix $L$ turns a standard normal into one with the covariance $LL^\top$. Check its density at the
#    mean against the formula with $\det\Sigma$.

# %% solution 1
sheared = Transformed(Normal.standard((2,)), Linear(2, matrix=MATRICES["shear"]))
z = jax.random.normal(key, (100, 2))
assert jnp.allclose(sheared.log_prob(z @ MATRICES["shear"].T), Normal.standard((2,)).log_prob(z), atol=1e-4)

# %% solution 2
# 784 log 2 = 543 nats: a unit of length changes a log-likelihood of a picture by hundreds.
doubling = TriangularAffine(np.zeros(784), 2 * np.eye(784))
assert np.isclose(doubling.forward_and_log_det(jnp.zeros(784))[1], 784 * np.log(2), atol=0.1)

# %% solution 3
lower = np.array([[2.0, 0.0], [0.5, 0.3]])
flow = Transformed(Normal.standard((2,)), TriangularAffine(np.zeros(2), lower))
covariance = lower @ lower.T
assert np.isclose(flow.log_prob(jnp.zeros(2)), -np.log(2 * np.pi) - 0.5 * np.log(np.linalg.det(covariance)), rtol=1e-5)
