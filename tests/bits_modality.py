"""A toy modality, whole: strings of bits, one a line. See tests/cli/test_cli_modality.py."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pushforward._errors import DataError
from pushforward.modalities import Modality, Option, Told


@dataclass(frozen=True)
class BitFacts:
    """How long the strings are, and which sign stands for a one."""

    length: int
    one: str

    def to_json(self):
        return {"length": self.length, "one": self.one}


@dataclass(frozen=True)
class Bits:
    """Strings as zeros and ones, `(count, length)`."""

    values: np.ndarray
    one: str


class BitModality(Modality):
    """Strings of bits of one length."""

    name = "bits"
    plural = "bit strings"
    row = "string"
    flow = "made-bernoulli"
    events = frozenset()
    options = (
        Option(name="one", commands=("fit",), metavar="SIGN", parse=str, default="1", help="The sign of a one."),
        Option(name="spaced", commands=("sample",), help="Write a blank between two signs."),
    )

    def takes(self, flow):
        return flow == "made-bernoulli"

    def claims(self, source):
        return source.endswith(".bits")

    def read(self, source, given, talk):
        return Bits(self._values(source, given["one"], talk), given["one"])

    def _values(self, source, one, talk=None):
        lines = Path(source).read_text().split()
        if len({len(line) for line in lines}) != 1:
            raise DataError(f"{source}: strings of several lengths.", "give strings of one length")
        if talk is not None:
            talk.say(f"read {len(lines)} strings")
        return np.array([[sign == one for sign in line] for line in lines], np.float32)

    def build(self, data, settings, key):
        from pushforward.flows import RECIPES

        return RECIPES[settings.flow].build(data.values.shape[1], **settings.options, key=key)

    def prepare(self, data, settings, key):
        from pushforward.modalities import Prepared
        from pushforward.objectives import nll

        flow = self.build(data, settings, key)
        return Prepared(flow, data.values, None, None, nll, BitFacts(data.values.shape[1], data.one))

    def facts_from_json(self, data):
        return BitFacts(**data)

    def plan(self, data, settings):
        return f"{len(data.values)} strings of {data.values.shape[1]} bits"

    def score(self, model, source, target, given, talk):
        from pushforward.data import TableWriter

        values = self._values(source, model.facts.one)
        with TableWriter(target, ["log_prob"]) as writer:
            writer.write(np.asarray(model.flow.log_prob(values))[:, None])

    def sample(self, model, count, target, given, *, temperature, seed, talk):
        import jax

        draws = np.asarray(model.flow.sample(jax.random.key(seed), count or 10))
        signs = {1.0: model.facts.one, 0.0: "1" if model.facts.one == "0" else "0"}
        between = " " if given["spaced"] else ""
        Path(target).write_text("".join(between.join(signs[bit] for bit in row) + "\n" for row in draws.tolist()))

    def tell(self, model):
        return Told(model.facts.to_json(), [("bits", model.facts.length)])
