"""WaveNets against convolutions of SciPy, what each output sees, and how conditions along time are spread."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward.nets import WaveNet
from pushforward.nets._along_time import Frames, dilated
from pushforward.testing import perturb

SMALL = {"width": 4, "depth": 3, "num_blocks": 2}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def net(key, *, time=24, channels=2, **options):
    return perturb(WaveNet((time, channels), (2, time, 3), key=key, **(SMALL | options)), 0.3)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("kernel", "dilation"), [(3, 1), (3, 4), (5, 2), (3, 40)])
def test_a_dilated_convolution_is_numpy_s_with_zeros_between(kernel, dilation, causal, rng):
    x, weight = rng.normal(size=(3, 20, 2)), rng.normal(size=(4, kernel, 3))
    found = dilated(jnp.asarray(x), jnp.asarray(weight.reshape(4, -1)), dilation, kernel, causal=causal)
    start = (kernel - 1) * dilation // (1 if causal else 2)
    wanted = np.zeros((4, 20, 2))
    for out in range(4):
        for n in range(2):
            for channel in range(3):
                spaced = np.zeros((kernel - 1) * dilation + 1)
                spaced[::dilation] = weight[out, :, channel]
                # `correlate` of the padded signal: output t sees t - start and what follows.
                padded = np.pad(x[channel, :, n], (start, (kernel - 1) * dilation - start))
                wanted[out, :, n] += np.correlate(padded, spaced, "valid")
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("causal", "kernel"), [(True, 2), (True, 3), (False, 3)])
def test_an_output_sees_just_its_reach(causal, kernel, key):
    case = net(key, time=64, causal=causal, kernel=kernel)
    x = jax.random.normal(key, (64, 2))
    slopes = jax.jit(jax.jacrev(lambda x: case(x[..., None])[..., 0]))(x)
    seen = np.abs(np.asarray(slopes)).sum(axis=(0, 2, 4))  # (time out, time in)
    before, after = case.reach
    lag = np.arange(64)[:, None] - np.arange(64)
    inside = (lag >= (1 if causal else -after)) & (lag <= before)
    assert (seen[~inside] == 0).all()
    if kernel == 2:  # three places leave gaps between what deep layers see
        assert (seen[32] != 0)[inside[32]].all()
    assert seen[32].nonzero()[0].min() == 32 - before
    assert seen[32].nonzero()[0].max() == (31 if causal else 32 + after)


@pytest.mark.parametrize("frames", ["repeat", "linear"])
def test_frames_are_spread_as_numpy_spreads_them(frames, rng):
    said = rng.normal(size=(3, 5, 2))
    spread = Frames.of("net", (5, 3), 20, frames)
    found = np.asarray(spread.added(jnp.zeros((3, 20, 2)), jnp.asarray(said)))
    if frames == "repeat":
        wanted = np.repeat(said, 4, axis=1)
    else:
        middles, times = 4 * np.arange(5) + 1.5, np.arange(20)
        wanted = np.stack([[np.interp(times, middles, said[c, :, n]) for c in range(3)] for n in range(2)], axis=-1)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    for time in range(20):
        now = spread.at(jnp.asarray(said)[None], jnp.asarray(time))[0]
        np.testing.assert_allclose(now, wanted[:, time], atol=1e-6)


def test_more_frames_than_times_are_channels(key, rng):
    case = net(key, time=6, cond_dim=(12, 2))
    x, condition = jnp.asarray(rng.normal(size=(6, 2, 3))), jnp.asarray(rng.normal(size=(12, 2, 3)))
    other = net(key, time=6, cond_dim=(6, 4))
    np.testing.assert_array_equal(case(x, condition), other(x, condition.reshape(6, 4, 3)))


def test_a_condition_of_all_times_is_one_frame(key, rng):
    x, condition = jnp.asarray(rng.normal(size=(24, 2, 3))), jnp.asarray(rng.normal(size=(5, 3)))
    one, many = net(key, cond_dim=5, head=0), net(key, cond_dim=(4, 5), head=0)
    repeated = jnp.broadcast_to(condition, (4, 5, 3))
    np.testing.assert_allclose(one(x, condition), many(x, repeated), atol=1e-6)
    moved = np.abs(one(x, condition) - one(x, condition + 1.0))
    assert (moved.max(axis=(0, 2)) > 1e-3).all()  # every time of every event


def test_no_leaf_depends_on_the_time(key):
    def shapes(time):
        return [leaf.shape for leaf in jax.tree.leaves(net(key, time=time, cond_dim=(time // 4, 3)))]

    assert shapes(24) == shapes(400)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": 2}, "odd size; got 2"),
        ({"width": 0}, "`width` must be at least 1, got 0"),
        ({"kernel": 1}, "`kernel` must be at least 2, got 1"),
        ({"head": -1}, "`head` must be at least 0"),
        ({"cond_dim": (5, 2)}, "5 frames of a condition cannot share 24 times"),
        ({"cond_dim": (4, 2), "frames": "cubic"}, "unknown `frames` 'cubic'"),
    ],
)
def test_what_cannot_be_is_refused(options, message, key):
    with pytest.raises(ValueError, match=message.replace("(", r"\(").replace(")", r"\)")):
        net(key, **options)


def test_shapes_of_another_time_are_refused(key):
    with pytest.raises(ValueError, match="of the same time"):
        WaveNet((24, 2), (2, 23, 2), key=key)
