"""The papers' configurations, as options of recipes and as figures of training; none of them is for two cores.

`python -m benchmarks.sound.papers` builds each as shapes alone and prints how many numbers it trains.
"""

from dataclasses import dataclass, field
from typing import Any

import jax

import pushforward as pf

HOP, MELS = 256, 80


@dataclass(frozen=True)
class Paper:
    """One configuration.

    Attributes:
        recipe: By its name in `flows.RECIPES`.
        options: Of the recipe.
        length: Samples of a segment: the papers' 16,000 cut to whole frames and groups.
        training: What the paper trains with; the rate, rows of a batch, the clipped norm where there is one.
        source: Paper, and the released code where figures are from that.
    """

    recipe: str
    options: dict[str, Any]
    length: int
    training: dict[str, Any] = field(default_factory=dict)
    source: str = ""


PAPERS = {
    "waveglow": Paper(
        "waveglow",
        {
            "num_flows": 12,
            "group_size": 8,
            "early_every": 4,
            "early_size": 2,
            "width": 256,
            "depth": 8,
            "actnorm": False,
        },
        15_872,
        {"learning_rate": 1e-4, "batch_size": 12},
        "Prenger et al. 2019, config.json of the released code",
    ),
    "flowavenet": Paper(
        "flowavenet",
        {"num_blocks": 8, "num_flows": 6, "split_every": 4, "width": 256, "depth": 2},
        15_872,
        {"learning_rate": 1e-3, "batch_size": 8, "clip_norm": 1.0},
        "Kim et al. 2019, the released code",
    ),
    "clarinet-teacher": Paper(
        "wavenet",
        {"width": 128, "depth": 10, "num_blocks": 2, "kernel": 2},
        15_872,
        {"learning_rate": 1e-3, "batch_size": 8, "clip_norm": 10.0, "ema": 0.9999},
        "Ping et al. 2019, ksw0306/ClariNet",
    ),
    "clarinet-student": Paper(
        "parallel-wavenet",
        {"num_flows": 4, "width": 128, "depth": 10, "num_blocks": 1, "last_blocks": 1, "kernel": 2},
        15_872,
        {"learning_rate": 1e-3, "batch_size": 4, "clip_norm": 10.0, "ema": 0.9999},
        "Ping et al. 2019, ksw0306/ClariNet; the number of flows is Parallel WaveNet's",
    ),
    "parallel-wavenet": Paper(
        "parallel-wavenet",
        {"num_flows": 4, "width": 64, "depth": 10, "num_blocks": 1, "last_blocks": 3, "kernel": 3},
        15_872,
        {},
        "van den Oord et al. 2018, section 4",
    ),
}


def main() -> None:
    """Print the size of each."""
    for name, paper in PAPERS.items():
        build, condition = pf.flows.RECIPES[paper.recipe].build, (paper.length // HOP, MELS)
        options = paper.options | {"cond_dim": condition}
        flow = jax.eval_shape(lambda key, b=build, p=paper, o=options: b(p.length, key=key, **o), jax.random.key(0))
        print(f"{name}: {sum(leaf.size for leaf in jax.tree.leaves(flow)):,} numbers ({paper.source})")


if __name__ == "__main__":
    main()
