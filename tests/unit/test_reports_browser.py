"""A page in a real browser, where there is one: it draws its figures, and asks for nothing from elsewhere."""

import re
import shutil
import subprocess

import pytest

import pushforward as pf
from pushforward.reports import Page, Picture, Section, Words

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")]
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000")


def test_a_browser_shows_the_page_and_runs_no_name_as_a_script(tmp_path):
    epochs = [{"number": i, "train": 2 / i, "validation": 1 + 1 / i} for i in (1, 2, 3)]
    name = "<script>document.title = 'broken'</script>"
    parts = [Words(name), Picture(pf.plots.loss_curve(epochs), name)]
    path = Page("A page", [Section(name, parts)]).write(tmp_path / "page.html")
    own = f"--user-data-dir={tmp_path / 'profile'}"
    call = [BROWSER, *QUIET, own, "--dump-dom", path.as_uri()]
    found = subprocess.run(call, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "<title>A page</title>" in found
    assert not re.search(r"<script", found)
    picture = tmp_path / "page.png"
    call = [BROWSER, *QUIET, own, f"--screenshot={picture}", path.as_uri()]
    subprocess.run(call, capture_output=True, timeout=120, check=True)
    assert picture.stat().st_size > 5000
