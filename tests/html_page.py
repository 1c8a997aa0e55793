"""What an HTML page holds, for tests of pages."""

from html.parser import HTMLParser
from typing import NamedTuple

VOID = {"br", "hr", "img", "meta", "link", "input"}
FETCHING = {"src", "srcset", "href", "data", "poster", "action", "formaction", "background", "cite", "longdesc"}
RUNNING = {"script", "iframe", "object", "embed", "form", "base", "link", "frame", "applet"}


class Element(NamedTuple):
    tag: str
    attributes: dict[str, str | None]


class Found(HTMLParser):
    """The elements and the text of a page; an element that is not closed in its turn is a fault."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.faults: list[str] = []
        self.pieces: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is not closed" for tag in self._open]

    def handle_starttag(self, tag, attrs):
        self.elements.append(Element(tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        if not self._open or self._open[-1] != tag:
            self.faults.append(f"</{tag}> inside {self._open[-1:]}")
        else:
            self._open.pop()

    def handle_data(self, data):
        if self._open[-1:] != ["style"]:
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())

    def named(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]


def faults(text: str) -> list[str]:
    """What is wrong with a page that is to stand alone: all that it would fetch or run, and figures without words."""
    page = Found(text)
    found = list(page.faults)
    for tag, attributes in page.elements:
        if tag in RUNNING or any(name.startswith("on") for name in attributes):
            found.append(f"<{tag}> may run or fetch something")
        for name in FETCHING & attributes.keys():
            value = attributes[name] or ""
            if not value.startswith(("data:image/", "#")):
                found.append(f"<{tag} {name}> fetches {value[:60]}")
        if tag == "img" and not (attributes.get("alt") or "").strip():
            found.append("a figure has no alt text")
    places = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    wanted = [(e.attributes.get("href") or "")[1:] for e in page.named("a")]
    found += [f"two elements are called {name}" for name in set(places) if places.count(name) > 1]
    found += [f"a link leads to no {name!r}" for name in wanted if name not in places]
    style = text.partition("<style>")[2].partition("</style>")[0]
    found += [f"the style has {word}" for word in ("url(", "@import") if word in style]
    return found
