"""No module imports itself through others, not even inside a function."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSES = {"pushforward": ROOT / "src", "benchmarks": ROOT}

Graph = dict[str, set[str]]


def modules(package: str, folder: Path) -> dict[str, Path]:
    """Files by the names that they are imported by."""
    files = sorted((folder / package).rglob("*.py"))
    parts = ((file.relative_to(folder).with_suffix("").parts, file) for file in files)
    return {".".join(name[:-1] if name[-1] == "__init__" else name): file for name, file in parts}


def imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import that runs, wherever it stands; what is under `if TYPE_CHECKING` never does."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from imports(ast.Module(node.orelse, []))
        else:
            yield from imports(node)


def targets(node: ast.Import | ast.ImportFrom, known: dict[str, Path]) -> Iterator[str]:
    """`from package import name` asks for the module `package.name` where there is one, else for the package."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in known)
        return
    for alias in node.names:
        inner = f"{node.module}.{alias.name}"
        yield from (name for name in (inner if inner in known else node.module,) if name in known)


@cache
def graph(package: str) -> Graph:
    known = modules(package, HOUSES[package])
    trees = {name: ast.parse(file.read_text("utf-8")) for name, file in known.items()}
    return {name: {t for node in imports(tree) for t in targets(node, known)} for name, tree in trees.items()}


def circles(edges: Graph) -> list[set[str]]:
    """Sets of modules of which each reaches every other."""
    reached = {name: _reached(name, edges) for name in edges}
    found = {frozenset({name} | {n for n in there if name in reached[n]}) for name, there in reached.items()}
    return sorted((set(circle) for circle in found if len(circle) > 1 or circle <= reached[min(circle)]), key=min)


def _reached(name: str, edges: Graph) -> set[str]:
    there: set[str] = set()
    ahead = set(edges[name])
    while ahead:
        there |= ahead
        ahead = {n for step in ahead for n in edges[step]} - there
    return there


@pytest.mark.parametrize("package", HOUSES)
def test_no_modules_import_each_other_in_a_circle(package: str):
    assert circles(graph(package)) == []


def test_relative_imports_which_the_graph_would_miss_are_not_used():
    trees = [ast.parse(file.read_text("utf-8")) for name, at in HOUSES.items() for file in modules(name, at).values()]
    assert not [
        node.module for tree in trees for node in imports(tree) if isinstance(node, ast.ImportFrom) and node.level
    ]


def test_a_circle_is_found_inside_functions_and_not_under_type_checking():
    known = dict.fromkeys(("p.a", "p.b"), Path())
    late = ast.parse("def f():\n    from p import b")
    typed = ast.parse("if TYPE_CHECKING:\n    from p.b import X\nelse:\n    import p.a")
    assert [t for node in imports(late) for t in targets(node, known)] == ["p.b"]
    assert [t for node in imports(typed) for t in targets(node, known)] == ["p.a"]
    assert circles({"p.a": {"p.b"}, "p.b": {"p.c"}, "p.c": {"p.a"}, "p.d": {"p.a"}}) == [{"p.a", "p.b", "p.c"}]
