"""A library for tests of the harness: no arithmetic, and it fails when it is told to."""

import time

import numpy as np


def build(case, *, seed: int, device: str) -> "Stub":
    if case.name == "broken":
        raise RuntimeError("no such flow here")
    return Stub(case.name)


class Stub:
    def __init__(self, name: str):
        self.name = name

    def parameters(self) -> int:
        return 7

    def put(self, x: np.ndarray) -> np.ndarray:
        return x

    def set_batches(self, x: np.ndarray, batch: int) -> None:
        print("a library that prints to stdout")

    def train(self, steps: int) -> float:
        time.sleep(0.001 * steps)
        return 0.0

    def density(self, x: np.ndarray) -> np.ndarray:
        if self.name == "slow":
            time.sleep(5)
        return np.zeros(len(x))

    def sample(self, n: int) -> np.ndarray:
        return np.full((n, 2), np.nan)
