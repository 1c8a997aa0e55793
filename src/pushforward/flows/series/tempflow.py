"""Tempflow: an encoder of the past, and a flow over all series at one time."""

import jax
from jaxtyping import PRNGKeyArray

from pushforward._errors import did_you_mean
from pushforward.bijections import Chain, Whitening
from pushforward.distributions import AbstractDistribution, Transformed
from pushforward.distributions.series._windows import SeriesFlow, check_sizes, input_size
from pushforward.flows._recipe import compiled
from pushforward.flows.autoregressive.maf import maf
from pushforward.flows.coupling.nsf import nsf_autoregressive, nsf_coupling
from pushforward.flows.coupling.realnvp import realnvp
from pushforward.nets import GRU, LSTM, AbstractEncoder, Attentive

EMISSIONS = {"maf": maf, "realnvp": realnvp, "nsf": nsf_coupling, "nsf-ar": nsf_autoregressive}
ENCODERS = ("gru", "lstm", "transformer")


@compiled
def tempflow(
    dim: int,
    *,
    horizon: int = 24,
    context: int = 24,
    lags: tuple[int, ...] = (1, 2),
    covariates: int = 0,
    scaling: str = "mean",
    numbers: tuple[str, ...] = (),
    encoder: str = "gru",
    encoder_width: int = 40,
    encoder_depth: int = 2,
    num_heads: int = 4,
    dropout: float = 0.0,
    bend: float = 10.0,
    emission: str = "maf",
    num_layers: int = 3,
    width: int = 100,
    depth: int = 2,
    key: PRNGKeyArray,
) -> SeriesFlow:
    """Windows of series given their past: an encoder's state conditions a flow over all series at one time.

    Args:
        dim: How many series.
        horizon: Steps of a window, which are forecast.
        context: Steps before it that the encoder reads.
        lags: Which values before a step are its inputs; 1 is the last.
        covariates: Numbers that are known of each step, those of the future too.
        scaling: Unit of a window, from its past: "mean" of the absolute values, "steps" for changes in units of the
            mean absolute change, or "none".
        numbers: What each series holds: "real", "whole" numbers, or "count" for those from 0 on; none for all real.
        encoder: "gru", "lstm" or "transformer".
        encoder_width: Units of the encoder; 40 in the paper, where a transformer has 16.
        encoder_depth: Layers of the encoder.
        num_heads: Attentions side by side of a transformer, a divisor of its width.
        dropout: Share of the numbers between the encoder's layers that training leaves out; 0.1 in the paper.
        bend: Where the networks begin to see inputs by their logarithm, in units of the window; 0 for nowhere.
        emission: The flow over one time: "maf", "realnvp", "nsf" or "nsf-ar".
        num_layers: Its layers.
        width: Hidden units of its networks.
        depth: Hidden layers of its networks.
        key: For the initial weights.

    Reference:
        Rasul, Sheikh, Schuster, Bergmann & Vollgraf (2021), Multivariate probabilistic time series forecasting via
        conditioned normalizing flows.

    Note:
        A linear map that begins with the covariance of the steps stands at the data's end of the emission, in place of
        batch normalisation, so that a fit begins with a vector autoregression; see `SeriesFlow` for what
        else differs. One series is a flow of one number.
    """
    check_sizes("tempflow", horizon, context, lags, covariates)
    _check_words(encoder, emission)
    if num_heads < 1:
        raise ValueError(f"tempflow: `num_heads` must be at least 1, got {num_heads}.")
    if dropout and encoder != "transformer" and encoder_depth < 2:
        raise ValueError("tempflow: `dropout` lies between the layers of the encoder: ask for `encoder_depth=2`.")
    encoder_key, emission_key = jax.random.split(key)
    inputs = input_size(dim, len(lags), covariates)
    sizes = {"width": encoder_width, "depth": encoder_depth, "key": encoder_key}
    if encoder == "transformer":
        net: AbstractEncoder = Attentive(inputs, context + horizon, num_heads=num_heads, **sizes)
    else:
        net = (GRU if encoder == "gru" else LSTM)(inputs, **sizes)
    return SeriesFlow(
        net,
        _emission(emission, dim, num_layers, width, depth, net.out_size + inputs, emission_key),
        horizon=horizon,
        context=context,
        lags=lags,
        covariates=covariates,
        scaling=scaling,
        numbers=numbers,
        dropout=dropout,
        bend=bend,
    )


def _emission(
    name: str, dim: int, num_layers: int, width: int, depth: int, cond_dim: int, key: PRNGKeyArray
) -> AbstractDistribution:
    flow = EMISSIONS[name](dim, num_layers=num_layers, width=width, depth=depth, cond_dim=cond_dim, key=key)
    assert isinstance(flow, Transformed)
    return Transformed(flow.base, Chain([flow.bijection, Whitening(dim)]))


def _check_words(encoder: str, emission: str) -> None:
    for what, word, known in (("encoder", encoder, ENCODERS), ("emission", emission, tuple(EMISSIONS))):
        if word not in known:
            raise ValueError(f"tempflow: unknown {what} {word!r}; {did_you_mean(word, known)}.")
