"""Which kind each column has: what the user says, what is inferred, and unbounded otherwise."""

from collections.abc import Mapping

from pushforward._errors import DataError
from pushforward.data import Schema, Table, infer_schema

OTHERS = "*"
INFER = "infer"

ColumnKinds = str | Mapping[str, str] | None


def schema_of(table: Table, columns: ColumnKinds) -> tuple[Schema, tuple[str, ...]]:
    """The schema of the columns, and a sentence for each.

    Args:
        table: The data to fit.
        columns: A kind for all columns, or a mapping from names to kinds in which `"*"` stands for all others;
            the kind `"infer"` looks at the data, and None is `"unbounded"`.

    Raises:
        DataError: If a name or a kind is not known, or values do not fit their kind.
    """
    kinds = {OTHERS: columns or "unbounded"} if columns is None or isinstance(columns, str) else dict(columns)
    if not all(isinstance(text, str) for pair in kinds.items() for text in pair):
        raise DataError("`columns` must map names to kinds.", 'write for example {"age": "positive"}')
    default = kinds.pop(OTHERS, "unbounded")
    overrides = dict.fromkeys(table.names, default) | kinds
    return infer_schema(table, {name: kind for name, kind in overrides.items() if kind != INFER})
