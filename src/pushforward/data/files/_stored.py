"""How columns of whole numbers and of categories were stored, where it is not in the plainest way."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pushforward.data.moments._moment import Moment

WHOLE = ("int8", "int16", "int32", "uint8", "uint16", "uint32", "uint64")
"""Types of whole numbers other than int64."""
SMALL = ("int8", "int16", "uint8", "uint16")
"""Types whose limits are those of what a column can hold."""
LARGEST = 2.0**53
"""Beyond this a float64 cannot tell the ends of a type."""


@dataclass(frozen=True)
class Stored:
    """The type of a column of whole numbers or of categories.

    Attributes:
        arrow: The type of the numbers, or of the indices into a dictionary, as Arrow writes it.
        dictionary: Whether it is a dictionary.
        ordered: Whether the order of the dictionary means something.
        levels: The whole dictionary, of one that is ordered or whose entries are fixed; else empty.
        large: Whether the text of the dictionary is of Arrow's large type.
        pandas: The type that pandas knows it by, where Arrow has none of its own, such as `Int64`.
        metadata: What stood beside the field, by which polars knows its own types.
    """

    arrow: str = "int64"
    dictionary: bool = False
    ordered: bool = False
    levels: tuple[str | int | bool, ...] = ()
    large: bool = False
    pandas: str = ""
    metadata: tuple[tuple[str, str], ...] = ()

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """The least and the greatest whole number of the type; None where it is far away."""
        if self.dictionary or self.arrow not in WHOLE:
            return None, None
        ends = np.iinfo(self.arrow)
        return (0.0 if ends.min == 0 else float(ends.min) if self.arrow in SMALL else None), (
            float(ends.max) if self.arrow in SMALL else None
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Stored":
        """From plain data, in which tuples are lists."""
        lists = {"levels": tuple(data["levels"]), "metadata": tuple((a, b) for a, b in data["metadata"])}
        return cls(**{**data, **lists})

    def clipped(self, cells: np.ndarray) -> np.ndarray:
        """Whole numbers taken to the ends of the type."""
        if self.dictionary or self.arrow not in WHOLE:
            return cells
        ends = np.iinfo(self.arrow)
        return np.clip(cells, ends.min, min(float(ends.max), LARGEST * 1024 - 1024))


ColumnType = Moment | Stored
"""What stands beside the numbers of a column."""


def type_to_json(kind: ColumnType) -> dict[str, Any]:
    """A type as plain data."""
    return {"moment" if isinstance(kind, Moment) else "stored": kind.to_json()}


def type_from_json(data: Mapping[str, Any] | None) -> ColumnType | None:
    """The type that `type_to_json` gave; None for none."""
    if data is None:
        return None
    return Moment(**data["moment"]) if "moment" in data else Stored.from_json(data["stored"])


def stored_of(field: Any, pandas: str) -> Stored | None:
    """How a field of Arrow stores whole numbers or categories; None for the plainest way."""
    import pyarrow as pa

    kind, nullable = field.type, pandas if pandas[:1] in ("I", "U") else ""
    if pa.types.is_dictionary(kind):
        metadata = tuple((k.decode(), v.decode()) for k, v in (field.metadata or {}).items() if k[:4] == b"_PL_")
        large = pa.types.is_large_string(kind.value_type) or pa.types.is_string_view(kind.value_type)
        return Stored(str(kind.index_type), dictionary=True, ordered=kind.ordered, large=large, metadata=metadata)
    if pa.types.is_integer(kind) and (nullable or str(kind) in WHOLE):
        return Stored(str(kind), pandas=nullable)
    return None


def dictionary_of(codes: np.ndarray, known: np.ndarray, categories: tuple[Any, ...], stored: Stored) -> Any:
    """Codes as a dictionary of Arrow, unknown ones as null."""
    import pyarrow as pa

    levels = stored.levels or categories
    place = {(type(level), level): i for i, level in enumerate(levels)}
    indices = np.array([place[type(label), label] for label in categories])[np.where(known, codes, 0).astype(int)]
    values = pa.array(levels, pa.large_string()) if stored.large else pa.array(levels)
    index_type = pa.type_for_alias(stored.arrow)
    return pa.DictionaryArray.from_arrays(pa.array(indices, index_type, mask=~known), values, ordered=stored.ordered)
