"""The table of cases: one case is one architecture, built alike by every library."""

import dataclasses
import math
from typing import Any, Literal

Family = Literal["maf", "nsf-ar", "nsf-coupling", "realnvp", "glow"]
Operation = Literal["train", "density", "sample", "pass"]

OPERATIONS: dict[Operation, str] = {
    "train": "One Adam step on a batch.",
    "density": "The log-density of every row, in one call.",
    "sample": "Draws, in one call; the last column counts them in density passes over as many rows.",
    "pass": "The log-density of as many rows as `sample` draws.",
}


@dataclasses.dataclass(frozen=True)
class Case:
    """An architecture and the amounts of work that are timed on it.

    Attributes:
        name: Name in results and tables.
        family: Which flow.
        dim: Numbers per row.
        layers: Flow layers; of Glow, steps at each scale.
        hidden: Widths of the conditioner's hidden layers, all relu; of Glow, channels.
        image: Of Glow, the shape that a row stands for, (height, width, channels).
        scales: Of Glow, how often the image is halved.
        bins: Spline bins.
        bound: The spline acts on (-bound, bound) and is the identity outside.
        batch: Rows per training step.
        rows: Rows per density call.
        samples: Rows per sampling call.
        dtype: "float32", "bfloat16" or "float64".
        operations: What is timed.
        libraries: Who takes part; None is everybody.
    """

    name: str
    family: Family
    dim: int
    layers: int = 5
    hidden: tuple[int, ...] = (128, 128)
    image: tuple[int, int, int] | None = None
    scales: int = 1
    bins: int = 8
    bound: float = 5.0
    batch: int = 512
    rows: int = 20_000
    samples: int = 2_000
    dtype: str = "float32"
    operations: tuple[Operation, ...] = ("train", "density", "sample", "pass")
    libraries: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Case":
        return cls(**{name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()})


def glow(name: str, image: tuple[int, int, int], **sizes: Any) -> Case:
    """Glow on images: batches of 64, and 256 to score and to draw."""
    amounts = {"batch": 64, "rows": 256, "samples": 256}
    return Case(name, "glow", math.prod(image), image=image, **sizes, **amounts, libraries=("pushforward", "normflows"))


CASES: dict[str, Case] = {
    case.name: case
    for case in [
        Case("maf-6", "maf", 6),
        Case("maf-43", "maf", 43),
        Case("nsf-ar-6", "nsf-ar", 6),
        Case("nsf-ar-43", "nsf-ar", 43),
        Case("nsf-coupling-6", "nsf-coupling", 6, layers=10),
        Case("nsf-coupling-43", "nsf-coupling", 43, layers=10),
        Case("realnvp-6", "realnvp", 6, layers=8),
        Case("realnvp-43", "realnvp", 43, layers=8),
        # The naive inverse takes 784 passes: minutes per call, so only two rivals take part.
        Case(
            "maf-784",
            "maf",
            784,
            hidden=(1024, 1024),
            rows=2_000,
            samples=200,
            operations=("density", "sample", "pass"),
            libraries=("pushforward", "zuko", "flowjax"),
        ),
        glow("glow-mnist", (28, 28, 1), scales=2, layers=8, hidden=(64, 64)),
        glow("glow-cifar", (32, 32, 3), scales=3, layers=4, hidden=(128, 128)),
    ]
}


def work_of(case: Case, operation: Operation) -> int:
    """Rows that one call of the operation handles."""
    return {"train": case.batch, "density": case.rows, "sample": case.samples, "pass": case.samples}[operation]


def label(case: Case) -> str:
    """The case's name, with what differs from the table: `maf-43 batch=4096`."""
    plain = CASES.get(case.name)
    if plain is None:
        return case.name
    fields = [f.name for f in dataclasses.fields(Case) if f.name not in ("operations", "libraries")]
    changed = [f"{name}={_text(getattr(case, name))}" for name in fields if getattr(case, name) != getattr(plain, name)]
    return " ".join([case.name, *changed])


def _text(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


QUICK: tuple[str, ...] = ("maf-43", "nsf-ar-6", "nsf-coupling-6", "realnvp-43")
"""The cases of `bench-quick`: every family once, each at the size where it is the harder one to win."""

DEVIATIONS: dict[str, dict[Family | Literal["all"], str]] = {
    "pushforward": {"glow": "`flows.glow` with LU convolutions, the images as they are, and no learned prior"},
    "zuko": {
        "nsf-coupling": "built from `GeneralCouplingTransform` and `MonotonicRQSTransform`, as its `NSF(passes=2)` "
        "runs a masked network of twice the work",
    },
    "normflows": {
        "maf": "layers reversed (`Reverse`), as its own direction makes the density the slow one; a relu is put "
        "behind the first layer of its MADE, which has none",
        "nsf-ar": "as for the MAF",
        "nsf-coupling": "plain network instead of its residual one, no extra spline on the kept half",
        "realnvp": "halves swapped between layers, as in its own example",
        "glow": "its own `GlowBlock`, `Squeeze`, `Merge` and `MultiscaleFlow`; its "
        "convolutions have no factor of their own",
        "all": "random permutations between autoregressive layers",
    },
    "nflows": {
        "nsf-coupling": "plain network instead of its residual one",
        "realnvp": "plain network instead of its residual one; its scale is a sigmoid",
    },
    "flowjax": {
        "nsf-ar": "also predicts the slopes at the two ends: 25 numbers per coordinate instead of 23",
        "nsf-coupling": "as for NSF-AR",
        "all": "random permutations between layers; layers run in a scan; one batch after another is passed to its "
        "own compiled step, as its `fit_to_data` does",
    },
}
"""Where a library's model differs from the others'; printed under the table."""
