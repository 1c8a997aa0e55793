"""The page as a whole."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from pushforward.io._atomic import write_atomically
from pushforward.reports._parts import AbstractPart
from pushforward.reports._style import STYLE
from pushforward.reports._text import escaped, marked

# Were there a fault in the escaping, a browser would still run and fetch nothing.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclasses.dataclass(frozen=True)
class Section:
    """A heading and what stands below it.

    Args:
        title: The heading.
        parts: In order.
    """

    title: str
    parts: Sequence[AbstractPart]


@dataclasses.dataclass(frozen=True)
class Page:
    """One HTML page in one file: no network, no scripts, light or dark as the reader's screen is, and for print.

    Args:
        title: Heading and name of the window.
        sections: In order; a list of contents leads to them if there are more than two.
        lead: Before the first section, as the verdict of a report.
        foot: A sentence at the end.

    Example:
        >>> page = pf.reports.Page("Wine", [pf.reports.Section("Columns", [pf.reports.Words("Two.")])])
        >>> page.to_html().count("Columns")
        1
    """

    title: str
    sections: Sequence[Section]
    lead: Sequence[AbstractPart] = ()
    foot: str = ""

    def to_html(self) -> str:
        """The page as text."""
        links = (f'<li><a href="#s{i}">{escaped(part.title)}</a></li>' for i, part in enumerate(self.sections, 1))
        contents = f'<nav aria-label="Contents"><ol>{"".join(links)}</ol></nav>' if len(self.sections) > 2 else ""
        lead = "\n".join(part.to_html() for part in self.lead)
        body = "\n".join(_section(section, number) for number, section in enumerate(self.sections, 1))
        foot = f"<footer><p>{marked(self.foot)}</p></footer>" if self.foot else ""
        return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escaped(self.title)}</title>
<style>
{STYLE}
</style>
</head>
<body>
<header><h1>{escaped(self.title)}</h1></header>
<main>
{lead}
{contents}
{body}
</main>
{foot}
</body>
</html>
"""

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the page, whole or not at all, in the place of a file that is there.

        Raises:
            FileError: If it cannot be written.
        """
        write_atomically(Path(path), self.to_html().encode("utf-8"))
        return Path(path)


def _section(section: Section, number: int) -> str:
    parts = "\n".join(part.to_html() for part in section.parts)
    return f'<section><h2 id="s{number}">{escaped(section.title)}</h2>\n{parts}</section>'
