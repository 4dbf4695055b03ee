"""Code as syntax trees: what can be asked of them, and sizes; `measure_code.py` prints the measures."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any

Trees = dict[Path, ast.Module]


def parse(root: Path, *folders: str) -> Trees:
    """The syntax trees of all files in some folders."""
    files = [file for folder in folders for file in sorted((root / folder).rglob("*.py"))]
    return {file.relative_to(root): ast.parse(file.read_text(encoding="utf-8")) for file in files}


def nodes(trees: Trees, *kinds: type) -> Iterator[Any]:
    """All nodes of these kinds."""
    return (node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, kinds))


def name(node: Any) -> str:
    """The last part of a dotted name, of ``x["name"]`` or of ``x.get("name")``; else empty."""
    if isinstance(node, ast.Subscript):
        return str(getattr(node.slice, "value", ""))
    if isinstance(node, ast.Call):
        return str(getattr(node.args[0], "value", "")) if name(node.func) == "get" and node.args else ""
    return str(getattr(node, "id", getattr(node, "attr", "")))


def lines(node: Any, *, body_only: bool = False) -> int:
    """Lines of a definition, or of its body without the docstring."""
    first = node.body[ast.get_docstring(node) is not None and len(node.body) > 1] if body_only else node
    return int(node.end_lineno - first.lineno + 1)


def words(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Identifiers and strings that look like one, so no messages and docstrings, with their lines."""
    for node in ast.walk(tree):
        found = [getattr(node, part, None) for part in ("id", "attr", "arg", "name", "module", "value")]
        yield from ((w, node.lineno) for w in found if isinstance(w, str) and re.fullmatch(r"[\w.:-]+", w))


def brought_in(tree: ast.Module) -> set[str]:
    """Names that a file imports from other packages, whose classes may be called as ours are."""
    found = nodes({Path(): tree}, ast.Import, ast.ImportFrom)
    foreign = [node for node in found if not (getattr(node, "module", None) or node.names[0].name).startswith("vlmrm")]
    return {alias.asname or alias.name for node in foreign for alias in node.names}


def asked_of_others(function: ast.FunctionDef, own: set[str]) -> Iterator[ast.Call]:
    """Calls whose first argument is a variable that the function declares, and not as a class of ours.

    Args:
        function: Where the calls stand.
        own: Names of our classes.
    """
    parts = list(ast.walk(function))
    declared = {part.arg: part.annotation for part in parts if isinstance(part, ast.arg)}
    declared |= {name(part.target): part.annotation for part in parts if isinstance(part, ast.AnnAssign)}
    for call in parts:
        if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], ast.Name):
            kind = declared.get(call.args[0].id)
            if kind is not None and not any(name(part) in own for part in ast.walk(kind)):
                yield call


def constants(trees: Trees) -> dict[str, Any]:
    """Values of names that are assigned a constant, one or several in a line."""
    known = {}
    for node in nodes(trees, ast.Assign):
        target = node.targets[0]
        several = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
        pairs = zip(target.elts, node.value.elts, strict=False) if several else [(target, node.value)]
        known |= {name(each): getattr(value, "value", None) for each, value in pairs}
    return known


def public(owner: ast.AST) -> Iterator[Any]:
    """Functions and classes that others can name: not inside of a function, and under no name with an underscore."""
    for node in ast.iter_child_nodes(owner):
        if str(getattr(node, "name", "")).startswith("_"):
            continue
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node
        if not isinstance(node, ast.FunctionDef):
            yield from public(node)


def spread(values: Sequence[int]) -> str:
    """Median, 90th percentile and maximum."""
    tenths = quantiles(values, n=10, method="inclusive")
    return f"{tenths[4]:.0f} / {tenths[8]:.0f} / {max(values)}"


def depth(owner: str, bases: dict[str, list[str]]) -> int:
    """How many of our own classes lie above each other, the lowest being `owner`."""
    return 1 + max((depth(base, bases) for base in bases[owner] if base in bases and base != owner), default=0)


def sizes(root: Path, trees: Trees) -> dict[str, Any]:
    """Sizes of files, functions and classes, and how much is typed and documented, by what they say.

    Args:
        root: The folder that the paths start from.
        trees: Syntax trees by path.
    """
    functions, classes = list(nodes(trees, ast.FunctionDef)), list(nodes(trees, ast.ClassDef))
    files = [(root / path).read_text(encoding="utf-8").count("\n") for path in trees]
    bodies = [lines(node, body_only=True) for node in functions]
    arguments = [[*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs] for node in functions]
    own = [[arg for arg in given if arg.arg not in ("self", "cls")] for given in arguments]
    typed = [
        node.returns is not None and all(arg.annotation for arg in given)
        for node, given in zip(functions, own, strict=True)
    ]
    documented = [ast.get_docstring(node) is not None for tree in trees.values() for node in public(tree)]
    bases = {node.name: [name(base) for base in node.bases] for node in classes}
    return {
        "largest class": max(map(lines, classes)),
        "files over 300 lines": sum(count > 300 for count in files),
        "functions over 40 lines": sum(count > 40 for count in bodies),
        "lines of a file, median / p90 / most": spread(files),
        "lines of a function, median / p90 / most": spread(bodies),
        "most parameters": max(map(len, own)),
        "fully annotated functions": f"{sum(typed) / len(typed):.1%}",
        "public code with a docstring": f"{sum(documented) / len(documented):.1%}",
        "inheritance depth": max(depth(owner, bases) for owner in bases),
        "files of vlmrm": len(files),
        "lines of vlmrm": sum(files),
    }
