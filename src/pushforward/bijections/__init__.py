"""Invertible maps: `forward` goes from the base to the data, `inverse` from the data to the base."""

from pushforward.bijections._autoencoder import Autoencoder
from pushforward.bijections._base import (
    AbstractBatched,
    AbstractBijection,
    AbstractElementwise,
    AbstractSurjection,
    sum_event,
)
from pushforward.bijections._compose import Chain, Inverse, Scan, repeat, sparing
from pushforward.bijections._numerical import AbstractMonotone, NumericalInverse
from pushforward.bijections._shape import Concatenate, Flip, Identity, Permute, Reshape
from pushforward.bijections._stochastic import HMC, AbstractStochastic, Density, Langevin, Metropolis
from pushforward.bijections.autoregressive._autoregressive import Autoregressive
from pushforward.bijections.autoregressive._block_neural import BlockAutoregressive
from pushforward.bijections.autoregressive._transformer import TransformerAutoregressive
from pushforward.bijections.continuous._continuous import Continuous
from pushforward.bijections.coupling._conditioned import Conditioned
from pushforward.bijections.coupling._coupling import Coupling
from pushforward.bijections.coupling._templates import count_raw, fill
from pushforward.bijections.discrete._argmax import Argmax
from pushforward.bijections.discrete._atoms import Atoms
from pushforward.bijections.discrete._codes import OneHotToCodes
from pushforward.bijections.discrete._dequantize import Dequantize
from pushforward.bijections.discrete._gaussian_dequantize import GaussianDequantize
from pushforward.bijections.discrete._modulo import ModuloAutoregressive, ModuloCoupling
from pushforward.bijections.discrete._rounded import RoundedShift
from pushforward.bijections.discrete._variational import VariationalDequantize
from pushforward.bijections.elementwise._affine import (
    Affine,
    GatedAffine,
    Scale,
    Shift,
    SigmoidAffine,
    Standardize,
    TanhAffine,
)
from pushforward.bijections.elementwise._elementwise import (
    Exp,
    LeakyTanh,
    Log,
    Logit,
    Power,
    Sigmoid,
    Softplus,
    Square,
    Tanh,
)
from pushforward.bijections.elementwise._equalize import Equalize
from pushforward.bijections.elementwise._mixture_cdf import mixture_cdf
from pushforward.bijections.elementwise._polynomial import Bernstein, SumOfSquares
from pushforward.bijections.elementwise._quadrature import ClenshawCurtisNetwork, MonotoneNetwork
from pushforward.bijections.elementwise._quantile import NormalQuantile
from pushforward.bijections.elementwise._sigmoidal import DeepSigmoidal, DenseSigmoidal
from pushforward.bijections.elementwise._sinh_arcsinh import SinhArcsinh
from pushforward.bijections.elementwise._spline import LinearSpline, QuadraticSpline, RationalQuadraticSpline
from pushforward.bijections.elementwise._tails import LongTails
from pushforward.bijections.image._image import Checkerboard, EachPixel, Squeeze, to_levels
from pushforward.bijections.image._multi_scale import MultiScale
from pushforward.bijections.image._unet import OrthogonalSqueeze, SetAside
from pushforward.bijections.linear._actnorm import ActNorm
from pushforward.bijections.linear._linear import LU, Householder, Linear, TriangularAffine
from pushforward.bijections.linear._whitening import Whitening
from pushforward.bijections.manifold._circular import CircularShift, CircularSpline, IntervalSpline, Mobius
from pushforward.bijections.manifold._cosine_sine import CosineSine
from pushforward.bijections.manifold._sphere import CylinderToDegrees, CylinderToSphere
from pushforward.bijections.residual._contractive import Contractive
from pushforward.bijections.residual._masked_residual import MaskedResidual
from pushforward.bijections.residual._planar import Planar, Radial
from pushforward.bijections.residual._sylvester import Sylvester

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
    "Atoms",
    "Autoencoder",
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
    "Equalize",
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
    "LongTails",
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
    "Whitening",
    "count_raw",
    "fill",
    "mixture_cdf",
    "repeat",
    "sparing",
    "sum_event",
    "to_levels",
]
