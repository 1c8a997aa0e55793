"""A page stands alone, and shows whatever it is given as text."""

import base64

import pytest

import pushforward as pf
from html_page import Found, faults
from pushforward.reports import Code, Facts, Page, Picture, Section, Table, Verdict, Words

NASTY = "<script>alert('a&b')</script>\"><img src=x onerror=alert(1)>"
EPOCHS = [{"number": i, "train": 2 / i, "validation": 1 + 1 / i} for i in (1, 2, 3)]


def page_of(text: str) -> Page:
    """Everything that a page can hold, with one text in every place."""
    picture = Picture(pf.plots.loss_curve(EPOCHS, title="a"), text, text)
    parts = [Words(text), Code(text), Facts([(text, text)]), Table([text], [[text]], text), picture]
    return Page(text, [Section(text, parts)] * 3, [Verdict(False, text, text, text)], text)


@pytest.mark.parametrize("text", ["plain", NASTY, "`<b>`", "</style></title></pre>", "&lt;", "a\x00\x1b[31m\ud800"])
def test_a_page_stands_alone_whatever_the_text(text):
    assert faults(page_of(text).to_html()) == []


def test_a_nasty_name_is_shown_as_it_is():
    page = Found(page_of(NASTY).to_html())
    assert page.text.count(NASTY) >= 15
    assert {image.attributes["alt"] for image in page.named("img")} == {NASTY}


def test_what_no_page_may_hold_is_replaced(tmp_path):
    path = page_of("a\x00b\ud800c").write(tmp_path / "page.html")
    assert "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c" in Found(path.read_text("utf-8")).text


def test_a_figure_is_lines_and_a_large_one_is_dots(monkeypatch):
    figure = pf.plots.loss_curve(EPOCHS)
    assert "data:image/svg+xml;base64," in Picture(figure, "Loss").to_html()
    monkeypatch.setattr("pushforward.reports._parts.MOST_BYTES", 10)
    source = Found(Picture(figure, "Loss").to_html()).named("img")[0].attributes["src"]
    assert base64.b64decode(source.partition("base64,")[2]).startswith(b"\x89PNG")


def test_the_same_figure_gives_the_same_page():
    assert page_of("a").to_html() == page_of("a").to_html()


def test_a_column_of_numbers_is_aligned_to_the_right():
    table = Table(["name", "n", "text"], [["a", 1200, "1,200"], ["b", None, "x"], ["c", 0.123456, ""]])
    page = Found(table.to_html())
    assert [e.attributes.get("class") for e in page.named("th")] == [None, "number", None]
    assert page.text == "name n text a 1,200 1,200 b x c 0.1235"


def test_a_part_that_cannot_be_shown_is_refused():
    with pytest.raises(ValueError, match="alt"):
        Picture(b"\x89PNG\r\n\x1a\n", " ")
    with pytest.raises(ValueError, match="PNG or an SVG"):
        Picture(b"GIF89a", "A picture")
    with pytest.raises(ValueError, match="2 cells"):
        Table(["a", "b"], [[1]])


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")
    page_of("a").write(path)
    assert path.read_text("utf-8").startswith("<!DOCTYPE html>")
    with pytest.raises(pf.FileError, match="no folder"):
        page_of("a").write(tmp_path / "missing" / "page.html")
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


def test_a_page_has_a_sign_beside_each_colour():
    shown = [Found(Verdict(passed, "t", "s").to_html()).text for passed in (True, False, None)]
    assert shown == ["✓ ok t: s", "✗ no t: s", "– note t: s"]
