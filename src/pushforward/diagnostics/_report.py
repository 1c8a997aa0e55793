"""What `diagnose` found, in numbers and in words."""

import dataclasses
from typing import NamedTuple

from pushforward._types import Kind

_ROUNDING_STEPS = 1e4  # a trained flow loses three digits in its stretched directions and is still useful
_ITERATIVE_STEPS = 30.0  # times the root of the rounding step


class LayerReport(NamedTuple):
    """One layer at the points where the data comes through it.

    Attributes:
        name: Class of the layer.
        kind: The harder of its two directions.
        round_trip: Largest difference of `forward(inverse(y))` to `y`, relative to |y| plus its spread over the points.
        log_det_error: Largest difference to the log-determinant of autodiff's Jacobian, in nats; None above 64
            dimensions and for layers that change the dimension.
        singular_values: Smallest and largest of the inverse's Jacobians; None as above.
    """

    name: str
    kind: Kind
    round_trip: float
    log_det_error: float | None
    singular_values: tuple[float, float] | None


class MapReport(NamedTuple):
    """The map of a flow: its layers, and all of them together.

    Attributes:
        layers: From the base to the data.
        round_trip: Data to base and back, relative as in `LayerReport`; None for a distribution without a map.
        base_round_trip: Base to data and back; large if the map is not onto. None if the map loses something.
        log_det_error: As in `LayerReport`, summed over the layers.
        singular_values: Of the inverse, with the data in units of its standard deviations. Their ratio says by how
            much an error can grow.
    """

    layers: tuple[LayerReport, ...] = ()
    round_trip: float | None = None
    base_round_trip: float | None = None
    log_det_error: float | None = None
    singular_values: tuple[float, float] | None = None


class TailReport(NamedTuple):
    """Points far outside the data.

    Attributes:
        distance: In standard deviations of the data, per coordinate.
        log_prob_ok: Share of points where `log_prob` is finite or -inf.
        gradient_ok: Share of points where the gradient by the point is finite.
        parameters_ok: Whether the gradient by the parameters, summed over the points, is finite.
    """

    distance: float
    log_prob_ok: float
    gradient_ok: float
    parameters_ok: bool


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """Numbers on one flow at one set of points; `print` shows them, `problems` judges them.

    Attributes:
        points: How many points of the data were used.
        epsilon: Rounding step of the flow's numbers.
        map: Round trips, log-dets and singular values.
        share_nan: Share of the data where `log_prob` is NaN or +inf.
        share_outside: Share of the data where `log_prob` is -inf.
        tails: Probes far outside the data.
        sampler_error: Largest difference between the density that the sampler gives and `log_prob` at the same
            sample, relative to 1 + |log_prob|; None if the density is a bound.
    """

    points: int
    epsilon: float
    map: MapReport
    share_nan: float
    share_outside: float
    tails: tuple[TailReport, ...]
    sampler_error: float | None

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence for each number that is worse than round-off explains; empty for a sound flow."""
        return tuple(self._layer_problems() + self._map_problems() + self._density_problems())

    def __str__(self) -> str:
        table = [("", "round trip", "log-det", "singular values of the inverse")]
        table += [
            (f"{i} {layer.name} ({layer.kind})", *_cells(layer.round_trip, layer.log_det_error, layer.singular_values))
            for i, layer in enumerate(self.map.layers)
        ]
        table += [("all layers", *_cells(self.map.round_trip, self.map.log_det_error, self.map.singular_values))]
        rows = [
            ("base to data and back", _number(self.map.base_round_trip)),
            ("sampler against log_prob", _number(self.sampler_error)),
            ("log_prob is NaN or +inf", f"{self.share_nan:.1%} of the data"),
            ("log_prob is -inf", f"{self.share_outside:.1%} of the data"),
        ]
        rows += [(f"at {tail.distance:g} standard deviations", _tail(tail)) for tail in self.tails]
        verdict = [f"problem: {text}" for text in self.problems] or ["no problem found"]
        head = [f"{self.points} points, rounding step {self.epsilon:.0e}"]
        return "\n".join([*head, *_aligned(table if self.map.layers else []), *_aligned(rows), *verdict])

    def _layer_problems(self) -> list[str]:
        found = []
        for i, layer in enumerate(self.map.layers):
            if _exceeds(layer.round_trip, self._tolerance(layer.kind)):
                found.append(f"layer {i} ({layer.name}): forward(inverse(y)) is off by {layer.round_trip:.1e}")
            if _exceeds(layer.log_det_error, self._log_det_tolerance(layer.singular_values)):
                found.append(f"layer {i} ({layer.name}): the log-det is off by {layer.log_det_error:.1e} nats")
        return found

    def _map_problems(self) -> list[str]:
        found, tolerance = [], self._tolerance("iterative")
        if _exceeds(self.map.round_trip, tolerance):
            found.append(f"data to base and back is off by {self.map.round_trip:.1e}")
        if _exceeds(self.map.base_round_trip, tolerance):
            found.append(f"base to data and back is off by {self.map.base_round_trip:.1e}: stretched, or not onto")
        return found

    def _density_problems(self) -> list[str]:
        found = []
        if self.share_nan > 0:
            found.append(f"log_prob is NaN or +inf at {self.share_nan:.1%} of the data")
        for tail in self.tails:
            if tail.log_prob_ok < 1:
                found.append(f"log_prob is NaN or +inf at {tail.distance:g} standard deviations")
            if tail.gradient_ok < 1 or not tail.parameters_ok:
                found.append(f"gradients are not finite at {tail.distance:g} standard deviations")
        if _exceeds(self.sampler_error, self._tolerance("iterative")):
            found.append(f"the sampler's density and log_prob differ by {self.sampler_error:.1e} at the same samples")
        return found

    def _tolerance(self, kind: Kind) -> float:
        if kind in ("analytic", "sequential"):
            return _ROUNDING_STEPS * self.epsilon
        return _ITERATIVE_STEPS * self.epsilon**0.5

    def _log_det_tolerance(self, singular_values: tuple[float, float] | None) -> float:
        """Autodiff's determinant itself loses as many digits as the singular values' ratio has."""
        smallest, largest = singular_values or (1.0, 1.0)
        return self._tolerance("analytic") + 100 * self.epsilon * largest / max(smallest, self.epsilon)


def _exceeds(value: float | None, tolerance: float) -> bool:
    # The negation also catches NaN.
    return value is not None and not value <= tolerance


def _cells(round_trip: float | None, log_det: float | None, values: tuple[float, float] | None) -> tuple[str, str, str]:
    return _number(round_trip), _number(log_det), "-" if values is None else f"{values[0]:.3g} to {values[1]:.3g}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"


def _tail(tail: TailReport) -> str:
    if tail.log_prob_ok == tail.gradient_ok == 1 and tail.parameters_ok:
        return "log_prob and gradients sound"
    parameters = "finite" if tail.parameters_ok else "not finite"
    return f"log_prob sound at {tail.log_prob_ok:.0%}, gradient at {tail.gradient_ok:.0%}, parameters' {parameters}"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
