"""What a conditional model is conditioned on: `--given` and `--given-file`."""

from collections.abc import Mapping

import numpy as np

from pushforward._errors import DataError, did_you_mean
from pushforward.cli._failures import WrongUsage
from pushforward.data import Table, read_table
from pushforward.estimators import ConditionalFlowDensity, FlowDensity


def conditions(
    estimator: FlowDensity | ConditionalFlowDensity, given: Mapping[str, float], file: str | None
) -> Table | None:
    """The conditions as a table in the model's order; None for a model that has none.

    Raises:
        WrongUsage: If they are given in two ways, or for a model without conditions, or not at all.
        DataError: If a name is not a condition of the model, or one is missing.
    """
    schema = estimator.condition_schema_
    if schema is None:
        if given or file is not None:
            raise WrongUsage("the model is not conditional.", "leave --given out, or fit one with `--condition`")
        return None
    if given and file is not None:
        raise WrongUsage("--given and --given-file exclude each other.", "put all conditions into the file")
    if file is not None:
        return read_table(file, columns=schema.names)
    if not given:
        example = " ".join(f"--given {name}=VALUE" for name in schema.names)
        raise WrongUsage(f"the model is conditional on {', '.join(schema.names)}.", f"add {example}, or --given-file")
    return _one_row(given, schema.names)


def _one_row(given: Mapping[str, float], names: tuple[str, ...]) -> Table:
    for name in given:
        if name not in names:
            raise DataError(f"--given: the model has no condition {name!r}.", did_you_mean(name, names))
    missing = [name for name in names if name not in given]
    if missing:
        raise DataError(
            f"--given: {', '.join(missing)} missing; the model is conditional on {', '.join(names)}.",
            "add " + " ".join(f"--given {name}=VALUE" for name in missing),
        )
    return Table(names, np.array([[given[name] for name in names]], np.float64))
