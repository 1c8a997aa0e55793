# %% [markdown]
# # The bridge between two moons
#
# A flow maps its connected base onto a connected piece of the plane: between the two moons it must leave a bridge,
# however well it is trained. A few random steps after the flow remove it, and every sample still has a weight
# (Wu, Köhler & Noé 2020, Stochastic normalizing flows).

# %%
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import pushforward as pf
from pushforward import plots
from pushforward.bijections import Chain, Metropolis
from pushforward.distributions import Target, Transformed

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
key = jax.random.key(0)
train = pf.data.moons(5_000, seed=0).astype(np.float32)

# %% [markdown]
# ## A flow, and its bridge
#
# A sample is astray, on the bridge or beside the moons, if the true density there is below one thousandth: of true
# samples, fewer than 1 in 1000 are.

# %%
flow = pf.flows.nsf(2, num_layers=4, width=64, key=key)
flow = pf.fit(flow, train, learning_rate=3e-3, batch_size=512, max_epochs=60, progress=False, key=key).flow


def astray(x):
    return float(np.mean(pf.data.moons_log_density(np.asarray(x, float)) < np.log(1e-3)))


before = astray(flow.sample(key, 20_000))
print(f"true samples astray:        {astray(pf.data.moons(20_000, seed=1)):.2%}")
print(f"samples of the flow astray: {before:.2%}")

# %% [markdown]
# ## Random steps
#
# A stochastic layer needs a density to move along, up to a constant. Here it is the true one: 200 small Gaussians along
# the two arcs. The layer takes 20 Metropolis steps along it. In the place of a log-det it has the log-ratio of the
# path's probabilities, so the flow with the layer still knows the weight of every sample.

# %%
t = jnp.pi * (jnp.arange(100) + 0.5) / 100
upper = jnp.stack([jnp.cos(t), jnp.sin(t)])
centres = jnp.concatenate([upper, jnp.stack([1 - upper[0], 0.5 - upper[1]])], axis=1)


def log_density(x):
    return jax.nn.logsumexp(-0.5 * jnp.sum((x[:, None] - centres) ** 2, axis=0) / 0.05**2)


steps = Metropolis(Target(log_density, (2,)), num_steps=20, step_size=0.1)
stochastic = Transformed(flow.base, Chain([flow.bijection, steps]))
after = astray(stochastic.sample(key, 20_000))
print(f"after 20 Metropolis steps:  {after:.2%}")
assert after < before / 4

# %% [markdown]
# Importance weights take care of the rest; the normaliser of the 200 Gaussians is known. Steps along the target itself
# leave the weights as they were and only move the samples; steps between layers change them too.

# %%
exact = np.log(200 * 2 * np.pi * 0.05**2)
found = pf.diagnostics.importance(stochastic, log_density, key=key)
print(found)
print(f"exact log Z = {exact:.4f}")
assert abs(found.log_z - exact) < 0.2

# %%
for name, one in (("flow", flow), ("steps", stochastic)):
    plots.save(plots.samples_beside_data(one, train, key=key), OUT / f"bridge_between_moons_{name}.png")

# %% [markdown]
# ![The flow alone leaves a bridge](figures/bridge_between_moons_flow.png)
#
# ![With Metropolis steps it is gone](figures/bridge_between_moons_steps.png)
