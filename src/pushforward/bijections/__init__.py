"""Invertible maps: `forward` goes from the base to the data, `inverse` from the data to the base."""

from pushforward.bijections._actnorm import ActNorm
from pushforward.bijections._affine import (
    Affine,
    Dequantize,
    GatedAffine,
    Scale,
    Shift,
    SigmoidAffine,
    Standardize,
    TanhAffine,
)
from pushforward.bijections._argmax import Argmax
from pushforward.bijections._autoregressive import Autoregressive
from pushforward.bijections._base import (
    AbstractBatched,
    AbstractBijection,
    AbstractElementwise,
    AbstractSurjection,
    sum_event,
)
from pushforward.bijections._block_neural import BlockAutoregressive
from pushforward.bijections._circular import CircularShift, CircularSpline, IntervalSpline, Mobius
from pushforward.bijections._codes import OneHotToCodes
from pushforward.bijections._compose import Chain, Inverse, Scan, repeat, sparing
from pushforward.bijections._conditioned import Conditioned
from pushforward.bijections._continuous import Continuous
from pushforward.bijections._contractive import Contractive
from pushforward.bijections._cosine_sine import CosineSine
from pushforward.bijections._coupling import Coupling
from pushforward.bijections._elementwise import (
    Exp,
    LeakyTanh,
    Log,
    Logit,
    Power,
    Sigmoid,
    SinhArcsinh,
    Softplus,
    Square,
    Tanh,
)
from pushforward.bijections._gaussian_dequantize import GaussianDequantize
from pushforward.bijections._image import Checkerboard, EachPixel, Squeeze, to_levels
from pushforward.bijections._linear import LU, Householder, Linear, TriangularAffine
from pushforward.bijections._masked_residual import MaskedResidual
from pushforward.bijections._mixture_cdf import mixture_cdf
from pushforward.bijections._modulo import ModuloAutoregressive, ModuloCoupling
from pushforward.bijections._multi_scale import MultiScale
from pushforward.bijections._numerical import AbstractMonotone, NumericalInverse
from pushforward.bijections._planar import Planar, Radial
from pushforward.bijections._polynomial import Bernstein, SumOfSquares
from pushforward.bijections._quadrature import ClenshawCurtisNetwork, MonotoneNetwork
from pushforward.bijections._quantile import NormalQuantile
from pushforward.bijections._rounded import RoundedShift
from pushforward.bijections._shape import Concatenate, Flip, Identity, Permute, Reshape
from pushforward.bijections._sigmoidal import DeepSigmoidal, DenseSigmoidal
from pushforward.bijections._sphere import CylinderToDegrees, CylinderToSphere
from pushforward.bijections._spline import LinearSpline, QuadraticSpline, RationalQuadraticSpline
from pushforward.bijections._stochastic import HMC, AbstractStochastic, Density, Langevin, Metropolis
from pushforward.bijections._sylvester import Sylvester
from pushforward.bijections._templates import count_raw, fill
from pushforward.bijections._transformer import TransformerAutoregressive
from pushforward.bijections._unet import OrthogonalSqueeze, SetAside
from pushforward.bijections._variational import VariationalDequantize

__all__ = [
    "HMC",
    "LU",
    "AbstractBatched",
    "AbstractBijection",
    "AbstractElementwise",
    "AbstractMonotone",
    "AbstractStochastic",
    "AbstractSurjection",
    "ActNorm",
    "Affine",
    "Argmax",
    "Autoregressive",
    "Bernstein",
    "BlockAutoregressive",
    "Chain",
    "Checkerboard",
    "CircularShift",
    "CircularSpline",
    "ClenshawCurtisNetwork",
    "Concatenate",
    "Conditioned",
    "Continuous",
    "Contractive",
    "CosineSine",
    "Coupling",
    "CylinderToDegrees",
    "CylinderToSphere",
    "DeepSigmoidal",
    "DenseSigmoidal",
    "Density",
    "Dequantize",
    "EachPixel",
    "Exp",
    "Flip",
    "GatedAffine",
    "GaussianDequantize",
    "Householder",
    "Identity",
    "IntervalSpline",
    "Inverse",
    "Langevin",
    "LeakyTanh",
    "Linear",
    "LinearSpline",
    "Log",
    "Logit",
    "MaskedResidual",
    "Metropolis",
    "Mobius",
    "ModuloAutoregressive",
    "ModuloCoupling",
    "MonotoneNetwork",
    "MultiScale",
    "NormalQuantile",
    "NumericalInverse",
    "OneHotToCodes",
    "OrthogonalSqueeze",
    "Permute",
    "Planar",
    "Power",
    "QuadraticSpline",
    "Radial",
    "RationalQuadraticSpline",
    "Reshape",
    "RoundedShift",
    "Scale",
    "Scan",
    "SetAside",
    "Shift",
    "Sigmoid",
    "SigmoidAffine",
    "SinhArcsinh",
    "Softplus",
    "Square",
    "Squeeze",
    "Standardize",
    "SumOfSquares",
    "Sylvester",
    "Tanh",
    "TanhAffine",
    "TransformerAutoregressive",
    "TriangularAffine",
    "VariationalDequantize",
    "count_raw",
    "fill",
    "mixture_cdf",
    "repeat",
    "sparing",
    "sum_event",
    "to_levels",
]
