"""A loss on the spectra of sounds, which their densities alone leave out."""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from pushforward.objectives._batch import Batch


def spectral_loss(
    draws: Array, batch: Batch, *, frames: Sequence[int] = (64, 256, 1024), share: float = 0.25
) -> Float[Array, ""]:
    r"""Distance of short-time spectra of draws and data, row by row, at several lengths of a frame.

    $\frac{\lVert S - D \rVert}{\lVert D \rVert}$ plus the mean of $|\log S - \log D|$, with $S$ and $D$ the magnitudes
    of the spectra of frames under a Hann window; the mean over rows and lengths. Give it to
    `distillation(..., extra=spectral_loss)` or `distill(..., data=, condition=, extra=)`, scaled as you see fit: a draw
    is compared with the row whose condition it was given, so it is for conditions that say what a sound is like, such
    as spectrograms. Without one, take `power_loss`.

    Args:
        draws: Signals `(n, length)`.
        batch: Its `x` are signals of the data for the same conditions, `(n, length)`.
        frames: Samples in a frame; those longer than the signal are left out, unless all are.
        share: Of a frame, how far it is to the next.

    Raises:
        ValueError: If the shapes differ, or there are no frames, or none of a sample or more.

    Reference:
        Yamamoto, Song & Kim (2020), Parallel WaveGAN, section 2.2; van den Oord et al. (2018), Parallel WaveNet,
        section 4.1, for the use with a student.

    Note:
        To every power is added 1e-8 of the data's mean power, where the logarithm of silence would be -inf.
    """
    data = None if batch.x is None else jnp.asarray(batch.x)
    if data is None or draws.ndim != 2 or data.shape != draws.shape:
        given = None if data is None else data.shape
        raise ValueError(
            "spectral_loss: needs draws (n, length), and as `x` of the batch as many signals of the data, got "
            f"{draws.shape} and {given}."
        )
    if not frames or min(frames) < 2 or not 0 < share <= 1:
        raise ValueError(
            f"spectral_loss: `frames` must be lengths from 2 on, and `share` above 0, at most 1; got {frames}, {share}."
        )
    fitting = [frame for frame in frames if frame <= draws.shape[1]] or [draws.shape[1]]
    each = [_apart(draws, data, frame, max(round(share * frame), 1)) for frame in fitting]
    return batch.mean(jnp.mean(jnp.stack(each), axis=0))


def _apart(draws: Array, data: Array, frame: int, hop: int) -> Float[Array, " n"]:
    """The distance of every row at one length of a frame."""
    ours, theirs = _powers(draws, frame, hop), _powers(data, frame, hop)
    floor = FLOOR**2 * jnp.mean(theirs) + TINY
    ours, theirs = jnp.sqrt(ours + floor), jnp.sqrt(theirs + floor)
    size = jnp.sqrt(jnp.sum(theirs**2, axis=(1, 2)))
    # The gradient of a norm at 0 is NaN: where a draw is its row, nothing is to be learned.
    gap = jnp.sqrt(jnp.sum((ours - theirs) ** 2, axis=(1, 2)) + TINY * size**2)
    return gap / size + jnp.mean(jnp.abs(jnp.log(ours) - jnp.log(theirs)), axis=(1, 2))


def _powers(signals: Array, frame: int, hop: int) -> Float[Array, "n frames frequencies"]:
    starts = jnp.arange(0, signals.shape[-1] - frame + 1, hop)
    waves = jnp.fft.rfft(signals[:, starts[:, None] + jnp.arange(frame)] * jnp.hanning(frame), axis=-1)
    return waves.real**2 + waves.imag**2


FLOOR = 1e-4
"""Of the data's root mean square magnitude; its square is added to every power."""

TINY = 1e-12
