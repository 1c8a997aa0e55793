"""The code in the README and the docs runs as it is written.

The blocks of one page run in order, in a folder of their own that holds `wine.csv`; Python blocks share their names.
A block that is not to be run stands below a line that says why: `<!-- no-run: it takes an hour -->`.
"""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]


def _is_lesson(page: Path) -> bool:
    return (ROOT / "examples" / f"{page.stem}.py").is_file()


PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    # The lessons of the course are made from examples, which have a test of their own.
    *sorted(p for p in (ROOT / "docs").rglob("*.md") if "_hooks" not in p.parts and not _is_lesson(p)),
]
SHELLS = {"bash", "console", "sh", "shell"}
_BLOCK = re.compile(
    r"^(?: *<!-- no-run:(?P<reason>[^\n]*)-->\n+)?"
    r"^(?P<indent> *)```(?P<language>\w*)[^\n`]*\n(?P<code>.*?)^(?P=indent)```\s*$",
    re.DOTALL | re.MULTILINE,
)


class Block(NamedTuple):
    language: str
    code: str
    line: int
    reason: str | None = None


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page."""
    found = []
    for match in _BLOCK.finditer(text):
        code = re.sub(rf"^{match['indent']}", "", match["code"], flags=re.MULTILINE)
        line = text.count("\n", 0, match.start("code")) + 1
        reason = match["reason"]
        found.append(Block(match["language"], code, line, None if reason is None else reason.strip()))
    return found


def is_run(block: Block) -> bool:
    return block.language in {"python", *SHELLS} and block.reason is None


def run(block: Block, page: Path, names: dict[str, object]) -> None:
    """Run one block; its failure names the page and the line."""
    if block.language in SHELLS:
        for command in commands(block):
            _shell(command, f"{page}:{block.line}")
    elif block.code.lstrip().startswith(">>>"):
        _session(block, page, names)
    else:
        # The blank lines put the block's own line numbers into a traceback.
        exec(compile("\n" * (block.line - 1) + block.code, str(page), "exec"), names)


def commands(block: Block) -> list[str]:
    """The lines behind a `$`; a line that ends with a backslash goes on."""
    joined = block.code.replace("\\\n", " ")
    return [line[1:].strip() for line in joined.splitlines() if line.startswith("$")]


def _shell(command: str, where: str) -> None:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    bash = ["bash", "-euo", "pipefail", "-c", command]
    done = subprocess.run(bash, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    assert done.returncode == 0, f"{where}: `{command}` exited with {done.returncode}\n{done.stderr}"


def _session(block: Block, page: Path, names: dict[str, object]) -> None:
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    test = doctest.DocTestParser().get_doctest(block.code, names, page.name, str(page), block.line - 1)
    report: list[str] = []
    doctest.DocTestRunner(optionflags=flags).run(test, out=report.append, clear_globs=False)
    names.update(test.globs)
    assert not report, "".join(report)


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the table that the docs speak of."""
    from sklearn.datasets import load_wine

    wine = load_wine()
    header = ",".join(wine.feature_names).replace("/", "_")
    rows = "\n".join(",".join(str(value) for value in row) for row in wine.data)
    (tmp_path / "wine.csv").write_text(f"{header}\n{rows}\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


LONG = {
    "cli.md",
    "conditionals.md",
    "extending.md",
    "images.md",
    "numpyro.md",
    "scale.md",
    "teachers.md",
    "training-loop.md",
    "vae.md",
}
"""Pages that take minutes, of which the parts have tests of their own: `make test-all` runs them."""
RUN = [p for p in PAGES if any(map(is_run, blocks(p.read_text("utf-8"))))]


@pytest.mark.parametrize(
    "page", [pytest.param(p, marks=pytest.mark.slow if p.name in LONG else (), id=_name(p)) for p in RUN]
)
def test_a_page_runs_as_written(page: Path, workplace: Path):
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page.read_text("utf-8")):
        if is_run(block):
            run(block, page, names)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_a_block_that_is_not_run_says_why(page: Path):
    silent = [block.line for block in blocks(page.read_text("utf-8")) if block.reason == ""]
    assert not silent, f"{page}: lines {silent}: write `<!-- no-run: the reason -->`"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_shell_command_is_run_or_says_why_not(page: Path):
    shells = [b for b in blocks(page.read_text("utf-8")) if b.language in SHELLS and is_run(b)]
    idle = [b.line for b in shells if not commands(b)]
    assert not idle, f"{page}: lines {idle}: begin a command with `$ `, or say why it is not run"


def test_a_wrong_block_fails(workplace: Path):
    with pytest.raises(ZeroDivisionError):
        run(Block("python", "1 / 0", 1), Path("page.md"), {})
    with pytest.raises(AssertionError, match="exited with 3"):
        run(Block("console", "$ exit 3", 1), Path("page.md"), {})
    with pytest.raises(AssertionError, match="Expected"):
        run(Block("python", ">>> 1 + 1\n3\n", 1), Path("page.md"), {})


def test_blocks_are_found_with_their_language_line_and_reason():
    text = "a\n\n```python\nx = 1\n```\n\n  <!-- no-run: it takes an hour -->\n  ```bash\n  make\n  ```\n"
    assert blocks(text) == [Block("python", "x = 1\n", 4), Block("bash", "make\n", 9, "it takes an hour")]
