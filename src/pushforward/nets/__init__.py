"""Conditioners: networks that predict the parameters of a bijection."""

from pushforward._masks import Degrees
from pushforward.nets._activations import ACTIVATIONS, FUNCTIONS
from pushforward.nets._attentive import Attentive
from pushforward.nets._conditioner import AbstractCausal, AbstractConditioner
from pushforward.nets._conv import ConvNet, convolve
from pushforward.nets._conv_attention import ConvAttentionNet
from pushforward.nets._dense import Dense
from pushforward.nets._guided import GuidedTransformer
from pushforward.nets._image_coder import ConvDecoder, ConvEncoder
from pushforward.nets._lipschitz import LIPSCHITZ_ACTIVATIONS, LipschitzMLP, spectral_bound
from pushforward.nets._lipschitz_conv import LipschitzConvNet, conv_spectral_bound
from pushforward.nets._made import MADE
from pushforward.nets._mlp import MLP
from pushforward.nets._per_event import PerEvent
from pushforward.nets._recurrent import GRU, LSTM, AbstractEncoder
from pushforward.nets._transformer import CausalTransformer
from pushforward.nets._velocity import Velocity
from pushforward.nets._wavenet import WaveNet

__all__ = [
    "ACTIVATIONS",
    "FUNCTIONS",
    "GRU",
    "LIPSCHITZ_ACTIVATIONS",
    "LSTM",
    "MADE",
    "MLP",
    "AbstractCausal",
    "AbstractConditioner",
    "AbstractEncoder",
    "Attentive",
    "CausalTransformer",
    "ConvAttentionNet",
    "ConvDecoder",
    "ConvEncoder",
    "ConvNet",
    "Degrees",
    "Dense",
    "GuidedTransformer",
    "LipschitzConvNet",
    "LipschitzMLP",
    "PerEvent",
    "Velocity",
    "WaveNet",
    "conv_spectral_bound",
    "convolve",
    "spectral_bound",
]
