"""What a user says of the table to be read."""

from collections.abc import Mapping
from typing import Any

from pushforward.data import TextOptions


def reading(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a command as `read_table` and `read_batches` take them."""
    form = TextOptions(given["delimiter"], given["decimal"] or ".", given["comment"], given["encoding"], given["dates"])
    return {"missing": tuple(given["missing"]), "form": form}
