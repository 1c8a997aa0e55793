"""Make the pictures and printed lines of the course again: run every script of `examples/` that has a page.

`make docs-figures` does it for all of them and writes their pages; `python docs/make_figures.py parabola` does it for
one, and `make docs-generate` writes its page.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import course_pages
from PIL import Image

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "docs" / "course" / "figures"
OUTPUT = ROOT / "docs" / "course" / "output"
MARK = "# %%"
MOST_BYTES = 150_000


def main(names: list[str]) -> None:
    FIGURES.mkdir(exist_ok=True)
    OUTPUT.mkdir(exist_ok=True)
    for script in course_pages.scripts():
        if not names or script.stem in names:
            make(script)


def make(script: Path) -> None:
    print(f"== {script.stem}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        # Every cell announces itself, so that its lines can be shown below it.
        marked = re.sub(rf"^{MARK}", f"print({MARK!r})\n{MARK}", script.read_text("utf-8"), flags=re.MULTILINE)
        (copy := Path(folder) / script.name).write_text(marked, "utf-8")
        settings = {"MPLBACKEND": "Agg", "PUSHFORWARD_OUT": folder}
        done = subprocess.run(
            [sys.executable, str(copy)], env=os.environ | settings, check=True, stdout=subprocess.PIPE, text=True
        )
        (OUTPUT / f"{script.stem}.txt").write_text(done.stdout, "utf-8")
        for picture in sorted(Path(folder).glob("*.png")):
            shrink(picture, FIGURES / picture.name)


def shrink(source: Path, target: Path) -> None:
    """A palette of as many colours as fit into the limit; the eye sees no difference."""
    image = Image.open(source).convert("RGB")
    for colours in (256, 128, 64, 32):
        image.quantize(colours, dither=Image.Dither.NONE).save(target, optimize=True)
        if target.stat().st_size <= MOST_BYTES:
            return
    raise SystemExit(f"{target} has {target.stat().st_size} bytes, more than {MOST_BYTES}: draw fewer points")


if __name__ == "__main__":
    main(sys.argv[1:])
