"""What a user may say of a text table."""

import codecs
from dataclasses import dataclass

from pushforward._errors import DataError

BLANKS = " "
"""The delimiter that stands for any run of blanks."""


@dataclass(frozen=True)
class TextOptions:
    """What a user says of a text table; what is None is found out.

    Args:
        delimiter: Between cells, one character; a blank stands for any run of blanks, and `tab` for a tab.
        decimal: The decimal mark.
        comment: Lines that begin with it are left out.
        encoding: As Python calls it, such as `cp1252`; UTF-8 when None.
        dates: `day-first` or `month-first`, for dates such as 03/04/2024 that no row settles.

    Raises:
        DataError: If a mark is not one character, two are the same, or the encoding is not known.
    """

    delimiter: str | None = None
    decimal: str = "."
    comment: str | None = None
    encoding: str | None = None
    dates: str | None = None

    def __post_init__(self) -> None:
        named = {"tab": "\t", "\\t": "\t", "blank": BLANKS, "space": BLANKS, "comma": ",", "semicolon": ";"}
        if self.delimiter in named:
            object.__setattr__(self, "delimiter", named[self.delimiter])
        for name, mark in (("delimiter", self.delimiter), ("decimal", self.decimal)):
            if mark is not None and (len(mark) != 1 or not mark.isascii() or mark in '"\r\n' or mark.isalnum()):
                raise DataError(
                    f"{name} {mark!r} is not one sign.", "write for example `;`, `,`, `|`, `tab` or `blank`"
                )
        if self.comment is not None and not self.comment.strip():
            raise DataError("the sign of a comment is empty.", "write for example `#`")
        if self.dates not in (None, "day-first", "month-first"):
            raise DataError(f"dates {self.dates!r} is not known.", "write `day-first` or `month-first`")
        if self.delimiter == self.decimal:
            raise DataError(f"{self.decimal!r} is both delimiter and decimal mark.", "give two different signs")
        if self.encoding is not None:
            try:
                codecs.lookup(self.encoding)
            except LookupError:
                raise DataError(
                    f"encoding {self.encoding!r} is not known.", "write for example `utf-8`, `cp1252` or `utf-16`"
                ) from None

    @property
    def recoded(self) -> bool:
        """Whether the bytes must be turned into UTF-8."""
        return self.encoding is not None and codecs.lookup(self.encoding).name not in ("utf-8", "ascii")


AS_FOUND = TextOptions()
"""Nothing is said: all is found out."""
