# %% [markdown]
# # Sample, batch and event shapes
#
# Every array in this library has up to three groups of axes, always in this order: **sample**, **batch**, **event**.
#
# | group | is | set by |
# |---|---|---|
# | event | one draw: a vector of 3 columns has `event_shape == (3,)` | the distribution |
# | batch | how many rows, or conditions, are handed over at once | the data |
# | sample | how many draws are asked for | `sample_shape` |

# %%
import jax
import jax.numpy as jnp

import pushforward as pf
from pushforward.distributions import Normal

key = jax.random.key(0)

# %% [markdown]
# ## Event
#
# `log_prob` turns each event into one number. Three columns are one event, not three: their log-densities are added.

# %%
normal = Normal.standard((3,))
one = normal.log_prob(jnp.zeros(3))
print(f"event {normal.event_shape}: log_prob of one event has shape {one.shape}: {one:.4f} nats")
assert one.shape == ()
assert jnp.allclose(one, 3 * Normal.standard(()).log_prob(0.0))

# %% [markdown]
# ## Batch
#
# Axes in front of the event are the batch, and come back unchanged.

# %%
rows = normal.log_prob(jnp.zeros((10, 3)))
table = normal.log_prob(jnp.zeros((5, 10, 3)))
print(f"log_prob of 10 rows: {rows.shape}; of 5 x 10 rows: {table.shape}")
assert rows.shape == (10,)
assert table.shape == (5, 10)

# %% [markdown]
# ## Sample
#
# `sample(key, sample_shape)` puts its own axes in front of everything.

# %%
one, ten, twenty = normal.sample(key), normal.sample(key, 10), normal.sample(key, (2, 10))
print(f"one draw {one.shape}, ten {ten.shape}, 2 x 10 {twenty.shape}")
assert one.shape == (3,)
assert ten.shape == (10, 3)
assert twenty.shape == (2, 10, 3)

# %% [markdown]
# ## All three
#
# A conditional flow has a batch of its own: that of the conditions. Here 4 conditions of 2 numbers each, and 100
# draws for each of them.

# %%
flow = pf.flows.maf(3, num_layers=2, width=16, cond_dim=2, key=key)
conditions = jnp.zeros((4, 2))
draws = flow.sample(key, 100, conditions)
print(f"sample (100,) + batch (4,) + event (3,) = {draws.shape}")
assert draws.shape == (100, 4, 3)

# %% [markdown]
# Going back, the batch axes of the rows and of the conditions broadcast against each other, as in NumPy: 100 x 4 rows
# against 4 conditions, or one row against all of them.

# %%
assert flow.log_prob(draws, conditions).shape == (100, 4)
assert flow.log_prob(jnp.zeros(3), conditions).shape == (4,)

# %% [markdown]
# ## When they do not fit
#
# A wrong shape is an error that says what was given and what was wanted, never a silent broadcast.

# %%
try:
    normal.log_prob(jnp.zeros((3, 10)))
except ValueError as error:
    print(error)
else:
    raise AssertionError("the event must be the last axis")

# %% [markdown]
# ```text
# Normal: the last axes of `x` must be (3,), got shape (3, 10). Put batch axes in front of the event.
# ```
#
# ## Bijections
#
# A bijection acts on **one** event and has no batch axes; `jax.vmap` gives it some.

# %%
bijection = flow.bijection
z, log_det = jax.vmap(bijection.inverse_and_log_det)(draws[:, 0], jnp.zeros((100, 2)))
print(f"100 events: {z.shape}, their log-dets: {log_det.shape}")
assert z.shape == (100, 3)
assert log_det.shape == (100,)

# %% [markdown]
# ## Exercises
#
# 1. 7 rows of 3 columns for each of 5 conditions: which shapes have rows, conditions and their log-densities?
# 2. Score each of 7 rows under each of 5 conditions, without a loop.
# 3. A flow of pictures of 8 x 8 pixels has events of shape (8, 8, 1). What is the shape of the log-density of 10 of
#    them?

# %% solution 1
# Rows (7, 5, 3), conditions (5, 2): the batch axis of the conditions stands next to the event.
assert flow.log_prob(jnp.zeros((7, 5, 3)), jnp.zeros((5, 2))).shape == (7, 5)

# %% solution 2
# An axis of length 1 broadcasts: rows (7, 1, 3) against conditions (5, 2).
assert flow.log_prob(jnp.zeros((7, 1, 3)), jnp.zeros((5, 2))).shape == (7, 5)

# %% solution 3
# One number for each picture: all 64 pixels are one event.
pictures = Normal.standard((8, 8, 1))
assert pictures.log_prob(jnp.zeros((10, 8, 8, 1))).shape == (10,)
