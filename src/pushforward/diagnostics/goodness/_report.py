"""What `check` found, in numbers and in words."""

import dataclasses
from typing import Any, NamedTuple


class Finding(NamedTuple):
    """One test.

    Attributes:
        name: What was tested.
        p_value: Uniform on (0, 1) if what was tested is so; None for a number that is no test.
        passed: Whether it is as it should be, at the level of the check.
        says: A sentence.
        then: What to try where it did not pass; else empty.
    """

    name: str
    p_value: float | None
    passed: bool
    says: str
    then: str = ""


@dataclasses.dataclass(frozen=True)
class Check:
    """What is to be said of a fit; `print` shows it.

    Attributes:
        rows: Rows of data that were used.
        nats: Mean log-density of them, and its standard error.
        gaussian: By how many nats a row that is better than one Gaussian, and the error.
        columns: By how many nats than columns that are independent, each smoothed by Gaussian kernels; and the error.
        verdict: `"good"`, `"overfitted"`, `"underfitted"`, `"shifted"`, or `"different"` where rows of training were
            not given, so that a poor fit and other data cannot be told apart.
        findings: The tests.
    """

    rows: int
    nats: tuple[float, float]
    gaussian: tuple[float, float]
    columns: tuple[float, float]
    verdict: str
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return dataclasses.asdict(self) | {"findings": [finding._asdict() for finding in self.findings]}

    def __str__(self) -> str:
        lines = [
            f"{self.rows:,} rows, {self.nats[0]:.3f} ± {self.nats[1]:.3f} nats a row",
            _beside("one Gaussian", self.gaussian),
            _beside("independent columns", self.columns),
        ]
        for finding in self.findings:
            p_value = "" if finding.p_value is None else f" (p = {finding.p_value:.2g})"
            lines.append(f"{'ok' if finding.passed else 'NO':2}  {finding.name}{p_value}: {finding.says}")
            lines += [f"      try: {finding.then}"] if finding.then else []
        return "\n".join([*lines, f"verdict: {self.verdict}. {WORDS[self.verdict]}"])


WORDS = {
    "good": "No test tells the model from the data.",
    "overfitted": "The model knows its training rows better than others like them: fewer layers, earlier stopping, "
    "more rows, or a held-out share.",
    "underfitted": "Rows of training and new rows are alike, and the model is like neither: another flow, more "
    "layers, more epochs; `pushforward compare` shows which.",
    "shifted": "The data differ from the rows of training: the fit may be good for those. Fit to data like these.",
    "different": "The model and the data differ. With rows of training a check tells whether the fit is poor or the "
    "data are others.",
}
"""What each verdict means, and what to try."""


def _beside(other: str, found: tuple[float, float]) -> str:
    return f"  {abs(found[0]):.3f} ± {found[1]:.3f} nats a row {'better' if found[0] >= 0 else 'worse'} than {other}"
