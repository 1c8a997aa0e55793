"""What `check` found, in numbers and in words."""

import dataclasses
import math
from collections.abc import Iterable
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
        gaussian: By how many nats a row that is better than one Gaussian, and the error; None where there is none.
        columns: By how many nats than columns that are independent, each smoothed by Gaussian kernels; and the error.
        verdict: `"good"`, `"overfitted"`, `"underfitted"`, `"shifted"`, or `"different"` where rows of training were
            not given, so that a poor fit and other data cannot be told apart.
        findings: The tests.
    """

    rows: int
    nats: tuple[float, float]
    gaussian: tuple[float, float] | None
    columns: tuple[float, float]
    verdict: str
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        pairs = {name: _plain(getattr(self, name)) for name in ("nats", "gaussian", "columns")}
        return dataclasses.asdict(self) | pairs | {"findings": [finding._asdict() for finding in self.findings]}

    def __str__(self) -> str:
        lines = [f"{self.rows:,} rows, {self.nats[0]:.3f} ± {self.nats[1]:.3f} nats a row"]
        lines += [f"  {line}" for line in self.beside()]
        return "\n".join([*lines, *told(self.findings), f"verdict: {self.verdict}. {self.meaning}"])

    @property
    def meaning(self) -> str:
        """What the verdict means, and what to try."""
        return meaning(WORDS[self.verdict], self.verdict, self.findings)

    def beside(self) -> list[str]:
        """How the log-density compares with simpler models, a sentence each."""
        others = {"one Gaussian": self.gaussian, "independent columns": self.columns}
        return [_beside(name, found) for name, found in others.items() if found is not None]


def meaning(words: str, verdict: str, findings: Iterable[Finding]) -> str:
    """What a verdict means; of a good one it tells of tests that say NO, as each does now and then by chance."""
    against = sum(not finding.passed and finding.p_value is not None for finding in findings)
    if verdict != "good" or not against:
        return words
    many = "A test says" if against == 1 else f"{against} tests say"
    return f"{many} NO, as one does of a right model now and then; together they are no evidence against this one."


def told(findings: Iterable[Finding]) -> list[str]:
    """Two lines for each: what was found, and what to try."""
    lines = []
    for finding in findings:
        p_value = "" if finding.p_value is None else f" (p = {finding.p_value:.2g})"
        lines.append(f"{'ok' if finding.passed else 'NO':2}  {finding.name}{p_value}: {finding.says}")
        lines += [f"      try: {finding.then}"] if finding.then else []
    return lines


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
    return f"{abs(found[0]):.3f} ± {found[1]:.3f} nats a row {'better' if found[0] >= 0 else 'worse'} than {other}"


def _plain(pair: tuple[float, float] | None) -> list[float | None] | None:
    return None if pair is None else [value if math.isfinite(value) else None for value in pair]
