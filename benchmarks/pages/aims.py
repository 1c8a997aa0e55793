"""The figures that the project holds itself to: ratios within one run on two cores."""

import dataclasses

from benchmarks.cases import CASES, Operation
from benchmarks.harness.ratios import OURS, Key, Ratio, in_passes
from benchmarks.harness.records import Record


@dataclasses.dataclass(frozen=True)
class Aim:
    """One figure.

    Attributes:
        case: Label of a case.
        operation: What is timed.
        rival: Whose time is divided by ours, or "passes": our sampling time in density passes.
        bound: At least this ratio; at most this many passes.
        aim: Where it should end.
    """

    case: str
    operation: Operation
    rival: str
    bound: float
    aim: float

    @property
    def words(self) -> str:
        if self.rival == "passes":
            return f"at most {self.bound:g} density passes"
        return f"at least {self.bound:g}x {self.rival}"

    def met(self, value: float) -> bool:
        return value <= self.bound if self.rival == "passes" else value >= self.bound


def _training() -> list[Aim]:
    autoregressive = {
        "maf-6": {"zuko": (1.8, 2.5), "flowjax": (1.6, 2.2)},
        "maf-43": {"zuko": (1.7, 2.3), "flowjax": (1.8, 2.6)},
        "nsf-ar-6": {"zuko": (2.5, 3.5), "flowjax": (2.0, 2.8)},
        "nsf-ar-43": {"zuko": (2.5, 4.0), "flowjax": (2.0, 3.2)},
    }
    coupling = dict.fromkeys(("zuko", "normflows", "nflows"), (1.8, 3.0)) | {"flowjax": (1.4, 2.0)}
    couplings = dict.fromkeys(("nsf-coupling-6", "nsf-coupling-43", "realnvp-6", "realnvp-43"), coupling)
    return [
        Aim(case, "train", rival, *figures)
        for case, rivals in (autoregressive | couplings).items()
        for rival, figures in rivals.items()
    ]


def _density() -> list[Aim]:
    rivals = ("zuko", "normflows", "nflows", "flowjax")
    return [
        Aim(name, "density", rival, 1.0, 1.5)
        for name, case in CASES.items()
        if "train" in case.operations and case.image is None
        for rival in rivals
    ]


AIMS: tuple[Aim, ...] = (
    *_training(),
    *_density(),
    Aim("maf-43", "sample", "zuko", 10.0, 10.0),
    Aim("maf-43", "sample", "flowjax", 7.0, 7.0),
    Aim("maf-43", "sample", "passes", 5.0, 3.0),
    Aim("maf-784", "sample", "passes", 3.5, 2.0),
    Aim("nsf-ar-43", "sample", "zuko", 80.0, 80.0),
    Aim("nsf-ar-43", "sample", "flowjax", 50.0, 50.0),
    Aim("nsf-ar-43", "sample", "passes", 3.0, 2.0),
    *(
        Aim(case, operation, "normflows", *figures)
        for case in ("glow-mnist", "glow-cifar")
        for operation, figures in (("train", (1.0, 1.0)), ("sample", (1.5, 1.5)))
    ),
)


def measured(aim: Aim, ratios: dict[Key, Ratio], by_key: dict[tuple[str, str], Record]) -> Ratio | None:
    """The run's value for an aim, or None if the run did not time it."""
    if aim.rival != "passes":
        return ratios.get((aim.case, aim.operation, aim.rival))
    record = by_key.get((aim.case, OURS))
    return None if record is None else in_passes(record)
