"""The loss on short-time spectra, against SciPy's, and where its gradient could be no number."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from pushforward.objectives import Batch, spectral_loss

RATE = 1000


def tones(*, hertz, size=1.0, n=3, length=400):
    time = np.arange(length) / RATE
    return np.stack([size * np.sin(2 * np.pi * hertz * time + phase) for phase in np.arange(n)])


def magnitudes(rows, frame, hop):
    stft = signal.ShortTimeFFT(np.hanning(frame), hop, RATE, phase_shift=None)
    spectra = stft.stft(rows, axis=-1)
    # Whole frames alone: SciPy's also hang over both ends.
    first, count = stft.lower_border_end[1], (rows.shape[-1] - frame) // hop + 1
    return np.abs(spectra)[..., first - stft.p_min :][..., :count]


@pytest.mark.usefixtures("x64")
def test_it_is_what_scipy_s_spectra_say():
    rng = np.random.default_rng(0)
    draws, data = rng.normal(size=(4, 200)), rng.normal(size=(4, 200))
    ours, theirs = magnitudes(draws, 32, 8), magnitudes(data, 32, 8)
    apart = np.linalg.norm(ours - theirs, axis=(1, 2)) / np.linalg.norm(theirs, axis=(1, 2))
    wanted = np.mean(apart + np.mean(np.abs(np.log(ours) - np.log(theirs)), axis=(1, 2)))
    found = spectral_loss(jnp.asarray(draws), Batch(jnp.asarray(data)), frames=(32,))
    np.testing.assert_allclose(found, wanted, rtol=1e-4)  # the floor under silent frequencies is not in SciPy's


@pytest.mark.usefixtures("x64")
def test_a_sound_twice_as_loud_is_as_far_as_its_spectra():
    """Of draws twice the data the first part is 1 and the second log 2, at every length of a frame."""
    data = np.random.default_rng(0).normal(size=(3, 400))
    found = spectral_loss(jnp.asarray(2 * data), Batch(jnp.asarray(data)))
    np.testing.assert_allclose(found, 1 + np.log(2), rtol=1e-4)


def test_a_phase_is_heard_less_than_a_pitch():
    data, later, higher = tones(hertz=100), tones(hertz=100)[::-1], tones(hertz=180)
    apart = [float(spectral_loss(jnp.asarray(draws), Batch(jnp.asarray(data)))) for draws in (later, higher)]
    assert apart[0] < 0.3 * apart[1]


@pytest.mark.parametrize(("draws", "data"), [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (1e4, 1.0)])
def test_silence_and_equal_sounds_have_finite_gradients(draws, data):
    rows = jnp.asarray(tones(hertz=100))
    loss, grad = jax.value_and_grad(lambda x: spectral_loss(x, Batch(data * rows)))(draws * rows)
    assert np.isfinite(loss)
    assert np.isfinite(grad).all()


def test_other_rows_are_refused():
    rows = jnp.asarray(tones(hertz=100))
    with pytest.raises(ValueError, match=r"got \(3, 400\) and \(2, 400\)"):
        spectral_loss(rows, Batch(rows[:2]))
    with pytest.raises(ValueError, match=r"got .* and None"):
        spectral_loss(rows, Batch())
    with pytest.raises(ValueError, match="`frames` must be"):
        spectral_loss(rows, Batch(rows), frames=(1,))
