"""Is the flow numerically sound, is its density a density, and do its samples look like the data?"""

from pushforward.diagnostics._calibration import ks_uniform, pit
from pushforward.diagnostics._evidence import Evidence, estimate_log_prob
from pushforward.diagnostics._forecasts import crps, energy_score, quantile_loss
from pushforward.diagnostics._importance import WeightedSamples, importance, weigh
from pushforward.diagnostics._integral import Integral, integrate
from pushforward.diagnostics._marginal import Marginal, marginal_log_prob
from pushforward.diagnostics._numerics import diagnose
from pushforward.diagnostics._ode import SolverReport, solver_report
from pushforward.diagnostics._report import Diagnosis, LayerReport, MapReport, TailReport
from pushforward.diagnostics._two_sample import KSResult, c2st, energy_distance, ks_per_dimension
from pushforward.diagnostics.goodness import Calibration, Check, Finding, check, sbc

__all__ = [
    "Calibration",
    "Check",
    "Diagnosis",
    "Evidence",
    "Finding",
    "Integral",
    "KSResult",
    "LayerReport",
    "MapReport",
    "Marginal",
    "SolverReport",
    "TailReport",
    "WeightedSamples",
    "c2st",
    "check",
    "crps",
    "diagnose",
    "energy_distance",
    "energy_score",
    "estimate_log_prob",
    "importance",
    "integrate",
    "ks_per_dimension",
    "ks_uniform",
    "marginal_log_prob",
    "pit",
    "quantile_loss",
    "sbc",
    "solver_report",
    "weigh",
]
