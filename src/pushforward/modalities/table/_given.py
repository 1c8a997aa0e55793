"""What a conditional model is conditioned on: `--given` and `--given-file`."""

import math
import shlex
from collections.abc import Mapping
from typing import Any

import numpy as np

from pushforward._errors import DataError, UsageError, did_you_mean
from pushforward.data import Schema, Table, encode, read_table
from pushforward.data._coding import refuse_unseen


def condition_values(table: Table, schema: Schema) -> np.ndarray:
    """Conditions as a flow takes them, matched by name: categories as codes, angles within the period.

    Raises:
        DataError: If a column is missing, or a category was not seen in training.
    """
    refuse_unseen(table, schema)
    return schema.turned(encode(table, schema).values)


def conditions(
    schema: Schema | None, given: Mapping[str, str], file: str | None, how: Mapping[str, Any] | None = None
) -> Table | None:
    """The conditions as a table in the model's order; None for a model that has none.

    `how` is for reading the file; None where a command takes no file.

    Raises:
        UsageError: If they are given in two ways, or for a model without conditions, or not at all.
        DataError: If a name is not a condition of the model, or one is missing.
    """
    if schema is None:
        if given or file is not None:
            raise UsageError("the model is not conditional.", "leave --given out, or fit one with `--condition`")
        return None
    if given and file is not None:
        raise UsageError("--given and --given-file exclude each other.", "put all conditions into the file")
    if file is not None:
        own = {"text": list(schema.text_columns), "moments": list(schema.moments)}
        table = read_table(file, columns=schema.names, **own, **(how or {}))
        refuse_unseen(table, schema)
        return encode(table, schema)
    if not given:
        example = " ".join(f"--given {shlex.quote(name)}=VALUE" for name in schema.names)
        of_file = "" if how is None else ", or --given-file"
        raise UsageError(f"the model is conditional on {', '.join(schema.names)}.", f"add {example}{of_file}")
    return _one_row(given, schema)


def _one_row(given: Mapping[str, str], schema: Schema) -> Table:
    names = schema.names
    for name in given:
        if name not in names:
            raise DataError(f"--given: the model has no condition {name!r}.", did_you_mean(name, names))
    missing = [name for name in names if name not in given]
    if missing:
        raise DataError(
            f"--given: {', '.join(missing)} missing; the model is conditional on {', '.join(names)}.",
            "add " + " ".join(f"--given {shlex.quote(name)}=VALUE" for name in missing),
        )
    texts = {name: (given[name],) for name in (*schema.categories, *schema.moments)}
    cells = [0.0 if name in texts else _number(name, given[name]) for name in names]
    row = Table(names, np.array([cells], np.float64), categories=texts)
    refuse_unseen(row, schema)
    return encode(row, schema)


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(
            f"--given {name}={text}: {name!r} is a number.",
            f"write COLUMN=NUMBER, for example `--given {shlex.quote(name)}=13.2`",
        )
    return number
