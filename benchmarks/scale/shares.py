"""What a device holds of a training step where eight devices have copies of the parameters, and where they share them.

Run `python -m benchmarks.scale.shares [maf glow tarflow-image]`; it adds a record for each flow and way to
results/shares.jsonl. Nothing is trained: the figures are those of XLA's plan of the compiled steps, of one of eight
devices of a CPU, in MB: the state and data that go in, and the temporary arrays. Batches have 32 rows.
"""

import argparse
import os
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from benchmarks.harness.records import Record, append

DEVICES = 8
FLOWS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "maf": ((64,), {"num_layers": 5, "width": 1024}),
    "glow": ((16, 16, 3), {"num_levels": 2, "num_steps": 4, "width": 512}),
    "tarflow-image": ((16, 16, 3), {"patch": 2, "num_layers": 4, "width": 256, "depth": 4, "num_heads": 4}),
}


class Planned(Exception):
    """The plan of a step, in place of the step."""


def plan_of(name: str, *, shared: bool) -> Record:
    """One record."""
    import jax
    import numpy as np

    import pushforward as pf
    from pushforward.train import _loop
    from pushforward.train._step import run_steps

    shape, options = FLOWS[name]
    levels = {"grey_levels": 256} if len(shape) > 1 else {}
    (event,) = (shape,) if levels else shape
    flow = pf.flows.RECIPES[name].build(event, **levels, **options, key=jax.random.key(0))
    rows = np.random.default_rng(0).integers(0, 256, (64, *shape)).astype(np.float32)

    def planned(*given: Any) -> Any:
        raise Planned(run_steps.lower(*given).compile().memory_analysis())

    found: Any = None
    try:
        with patch.object(_loop, "run_steps", planned):
            pf.fit(flow, rows, batch_size=32, shard_parameters=shared, progress=False, key=jax.random.key(1))
    except Planned as stopped:
        found = stopped.args[0]
    megabytes = {name: round(getattr(found, f"{name}_size_in_bytes") / 1e6) for name in ("argument", "temp")}
    parameters = round(sum(leaf.nbytes for leaf in jax.tree.leaves(flow)) / 1e6)
    return {"flow": name, "devices": len(jax.devices()), "shared": shared, "parameters": parameters, **megabytes}


def records(names: list[str]) -> Iterator[Record]:
    """Copies and shares of each flow."""
    for name in names:
        yield plan_of(name, shared=False)
        yield plan_of(name, shared=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flows", nargs="*", default=[], choices=[*FLOWS, []])
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={DEVICES}"
    append("shares", records(parser.parse_args().flows or list(FLOWS)))
