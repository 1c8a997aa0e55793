"""How odd rows are, from log-densities alone: typicality, ratios, complexity, the spread of an ensemble.

In all of these small is odd, so that `conformal_p_values` makes p-values of them.
"""

import io
from typing import Any

import numpy as np

from pushforward._errors import DataError
from pushforward.diagnostics.oddity._conformal import Scores

_CHUNK_ENTRIES = 2**24  # draws of the bootstrap held at once, 128 MiB


def typicality(scores: Scores, reference: Scores) -> np.ndarray:
    r"""How near the log-density of a row is to what is usual: $-|\log p(x) - \bar s|$, `(rows,)`.

    The rows of a high-dimensional density nearly all have a log-density close to its mean, minus the entropy, and rows
    that are *denser* than that are odd too. Of single rows this is a weak test; `typicality_p_value` is of sets.

    Args:
        scores: Log-densities of the rows in question, `(rows,)`.
        reference: Log-densities of ordinary rows that were not learned from; $\bar s$ is their mean.

    Raises:
        DataError: If a log-density is not finite.

    Reference:
        Nalisnick, Matsukawa, Teh & Lakshminarayanan (2019), Detecting out-of-distribution inputs to deep generative
        models using typicality, eq. 3 with M = 1.
    """
    scores, reference = _finite("typicality", scores), _finite("typicality", reference)
    return -np.abs(scores - reference.mean())


def typicality_p_value(scores: Scores, reference: Scores, *, draws: int = 9999, seed: int = 0) -> float:
    """The p-value of "these rows together are typical": how often as many ordinary rows are as far from the mean.

    Of two rows and more this sees what no row shows alone, such as a set of one picture repeated.

    Args:
        scores: Log-densities of one set of rows, `(rows,)`.
        reference: Log-densities of ordinary rows that were not learned from, from which sets are drawn with
            replacement.
        draws: How many sets.
        seed: Of the draws.

    Returns:
        From 1 / (draws + 1) to 1.

    Raises:
        DataError: If a log-density is not finite, or there is none.

    Reference:
        As of `typicality`, algorithm 1; they compare with a quantile of the bootstrap where this gives its rank.
    """
    scores, reference = _finite("typicality_p_value", scores), _finite("typicality_p_value", reference)
    rng, centre = np.random.default_rng(seed), reference.mean()
    step = max(1, _CHUNK_ENTRIES // len(scores))
    means = np.concatenate(
        [rng.choice(reference, (min(step, draws - i), len(scores))).mean(axis=1) for i in range(0, draws, step)]
    )
    return float((1 + np.sum(np.abs(means - centre) >= abs(scores.mean() - centre))) / (1 + draws))


def likelihood_ratio(scores: Scores, background: Scores) -> np.ndarray:
    r"""$\log p(x) - \log p_0(x)$, `(rows,)`: what the model knows beyond a background model.

    The background was trained on data with noise in place of what matters (a tenth to a third of the pixels drawn
    anew), or on broader data: what both count, such as empty borders, cancels.

    Args:
        scores: Log-densities by the model, `(rows,)`.
        background: Log-densities of the same rows by the background model, `(rows,)`.

    Raises:
        DataError: If a background log-density is not finite, or the lengths differ.

    Reference:
        Ren et al. (2019), Likelihood ratios for out-of-distribution detection, eq. 2.
    """
    given, other = np.asarray(scores, np.float64), _finite("likelihood_ratio", background)
    if given.shape != other.shape:
        raise DataError(f"likelihood_ratio: {len(other)} background scores for {len(given)}", "score the same rows")
    return given - other


def png_nats(images: np.ndarray) -> np.ndarray:
    """Length of each picture as a PNG file in nats, `(count, height, width[, channels]) -> (count,)`.

    Args:
        images: Bytes with 1, 3 or 4 channels.

    Raises:
        DataError: If they are not bytes, or Pillow knows no such pictures.
    """
    from PIL import Image

    if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.shape[3:] not in ((), (1,), (3,), (4,)):
        raise DataError(f"png_nats: {images.dtype} of shape {images.shape} are no pictures", "give bytes, uint8")
    pictures = images[..., 0] if images.shape[3:] == (1,) else images
    sizes = []
    for picture in pictures:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG", optimize=True)
        sizes.append(8 * file.tell())
    return np.log(2.0) * np.array(sizes, np.float64)


def input_complexity(scores: Scores, nats: Scores) -> np.ndarray:
    r"""$\log p(x) + L(x)$ in nats, `(rows,)`: the log-density of a picture beside the length $L$ of its file.

    Simple pictures are dense by any model. This is a likelihood ratio whose background is a general compressor.

    Args:
        scores: Log-probabilities of whole pictures in nats, `(rows,)`.
        nats: Lengths of the same pictures, `png_nats`.

    Reference:
        Serrà et al. (2020), Input complexity and out-of-distribution detection with likelihood-based generative models,
        eq. 2, with its sign changed.
    """
    return np.asarray(scores, np.float64) + _finite("input_complexity", nats)


def waic(scores: Any) -> np.ndarray:
    r"""$\operatorname{mean}_m \log p_m(x) - \operatorname{var}_m \log p_m(x)$ over an ensemble, `(rows,)`.

    Args:
        scores: Log-densities by at least two models of other seeds, `(models, rows)`.

    Raises:
        DataError: If there are not two models, or a log-density is not finite.

    Reference:
        Choi, Jang & Alemi (2018), WAIC, but why? Generative ensembles for robust anomaly detection, section 3.
    """
    scores = _ensemble("waic", scores)
    return scores.mean(axis=0) - scores.var(axis=0)


def ensemble_spread(scores: Any) -> np.ndarray:
    """Minus the deviation of the log-density over an ensemble, `(rows,)`; the arguments are those of `waic`."""
    return -_ensemble("ensemble_spread", scores).std(axis=0)


def _ensemble(name: str, given: Any) -> np.ndarray:
    scores = np.asarray(given, np.float64)
    if scores.ndim != 2 or len(scores) < 2 or not np.isfinite(scores).all():
        raise DataError(f"{name}: needs finite log-densities `(models, rows)` by two models or more", "fit other seeds")
    return scores


def _finite(name: str, given: Scores) -> np.ndarray:
    scores = np.asarray(given, np.float64)
    if scores.ndim != 1 or len(scores) == 0 or not np.isfinite(scores).all():
        raise DataError(f"{name}: needs finite numbers `(rows,)`, of one row or more", "leave impossible rows out")
    return scores
