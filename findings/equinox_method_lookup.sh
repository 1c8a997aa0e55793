#!/usr/bin/env bash
# equinox 0.13.8 with jax 0.10.2: to look up a method of a module, without calling it, takes tens of microseconds.
#
# Expected before it was run: that a bound method is a pytree costs what another attribute costs, since Python makes bound
# methods at each look as well: a tenth of a microsecond.
# Seen: a module is made for each look (`BoundMethod`), with the checks of every new module. 16 microseconds for a module of one
# array and 40 for a flow, hundreds of times a method of a plain class; a field takes 0.3.
#
# Where it matters here: a call of `log_prob` of a small flow spent 40 % of its time so. Methods of ours whose name begins
# with an underscore are Python's own (design record 0069).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "equinox==0.13.8" "jax==0.10.2" "jaxlib==0.10.2" "numpy==2.4.6"
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PY'
import timeit

import equinox as eqx
import jax.numpy as jnp


class Module(eqx.Module):
    weight: object

    def method(self):
        return 0


class Plain:
    def method(self):
        return 0


def microseconds(owner, name):
    return min(timeit.repeat(lambda: getattr(owner, name), number=2000, repeat=7)) / 2000 * 1e6


module, plain = Module(jnp.ones(3)), Plain()
field, bound, usual = microseconds(module, "weight"), microseconds(module, "method"), microseconds(plain, "method")
print(f"a field {field:.2f}, a method {bound:.2f}, a method of a plain class {usual:.2f} microseconds")
assert bound > 20 * max(field, usual), "methods are looked up quickly now"
print("unchanged")
PY
