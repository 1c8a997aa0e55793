"""Reports for people: one HTML page that needs no network, no scripts and no other file."""

from pushforward.reports._page import Page, Section
from pushforward.reports._parts import AbstractPart, Code, Facts, Picture, Table, Verdict, Words

__all__ = ["AbstractPart", "Code", "Facts", "Page", "Picture", "Section", "Table", "Verdict", "Words"]
