#!/usr/bin/env python
"""Print measures of the library's code; give two roots to see an old commit beside a new one.

    python scripts/measure_code.py --root ../before --root .

All are read from the syntax trees of ``vlmrm/``, as the functions below say, but the parses of a specification, which
`count_parses.py` counts. ``--names`` adds the public code that only tests use.
"""

import argparse
import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from code_features import FEATURES, knowing
from code_trees import Trees, asked_of_others, brought_in, constants, lines, name, nodes, parse, sizes, words

CHOSEN_BY = {"head", "kind", "method", "ensemble"}
CHOICES = re.compile(
    "projection|softmax|contrast|sigmoid|milestones|auto_clip|factored|ensemble|proker|tip_adapter|proto_clip|lora|svd|"
    "goal_pictures|coop|cocoop|difference|shaping|window|clip|prompts|views|encoders"
)
TEMPLATE_CODE = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
SHOWN_CODE = re.compile(r"```.*?```|`[^`]+`", re.DOTALL)
BEGINS_INSIDE = re.compile(r"(Of|As|At|Above|Below|Whose|None)\b")  # a phrase whose beginning is the field's name


def imports(body: list[Any], modules: Any, *, inner: bool) -> Iterator[str]:
    """The modules that are imported, inside of functions or not; a package where its ``__init__`` gives the name."""
    for node in body:
        if isinstance(node, ast.ImportFrom):
            found = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (one if one in modules else str(node.module) for one in found)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif (inner or not isinstance(node, ast.FunctionDef)) and name(getattr(node, "test", None)) != "TYPE_CHECKING":
            below = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.stmt)]
            yield from imports(below, modules, inner=inner)


def circles(trees: Trees, *, inner: bool) -> str:
    """How many circles of imports there are, and how many files in them."""
    named = {".".join(path.with_suffix("").parts).removesuffix(".__init__"): tree for path, tree in trees.items()}
    reached = {module: set(imports(tree.body, named, inner=inner)) & set(named) for module, tree in named.items()}
    for _ in range(len(named).bit_length()):  # paths get twice as long each time
        reached = {module: to.union(*(reached[other] for other in to)) for module, to in reached.items()}
    rounds = {frozenset(other for other in to if module in reached[other]) for module, to in reached.items()}
    return f"{len(rounds - {frozenset()})} / {sum(map(len, rounds))}"


def type_checks(trees: Trees) -> int:
    """Checks that name a class of ours, and hasattr or getattr with a default for an attribute that one defines.

    An attribute may be called as one of ours is and belong to an object of another package, as ``logit_bias`` of a
    model of transformers: what a function declares as `Any` or as a class of another package is asked freely.
    """
    parts = [part for owner in nodes(trees, ast.ClassDef) for part in ast.walk(owner)]
    own = {part.name for part in parts if isinstance(part, ast.ClassDef)}
    members = ast.FunctionDef | ast.AnnAssign
    has = {getattr(part, "name", "") or name(part.target) for part in parts if isinstance(part, members)}

    not_ours = {call for owner in nodes(trees, ast.FunctionDef) for call in asked_of_others(owner, own)}

    def counts(node: Any, foreign: set[str]) -> bool:
        function, arguments = name(getattr(node, "func", None)), getattr(node, "args", [])
        if function == "hasattr" or (function == "getattr" and len(arguments) == 3):
            return getattr(arguments[1], "value", None) in has and node not in not_ours
        if isinstance(node, ast.Call):
            return function in ("isinstance", "issubclass") and mentions_own(arguments[1], foreign)
        if isinstance(node, ast.Compare):
            return name(getattr(node.left, "func", None)) == "type" and mentions_own(node.comparators[0], foreign)
        return mentions_own(node.cls, foreign)

    def mentions_own(node: Any, foreign: set[str]) -> bool:
        parts = [part for part in ast.walk(node) if name(getattr(part, "value", None)) not in foreign]
        return any(name(part) in own - foreign for part in parts)

    return sum(
        counts(node, brought_in(tree))
        for path, tree in trees.items()
        for node in nodes({path: tree}, ast.MatchClass, ast.Compare, ast.Call)
    )


def comparisons(trees: Trees) -> int:
    """Comparisons and cases of what chooses among our classes with a word that a specification may say."""
    known = constants(trees)

    def says(node: Any) -> bool:
        words_in = (str(getattr(part, "value", known.get(name(part)))) for part in ast.walk(node))
        return any(map(CHOICES.fullmatch, words_in))

    cases = [case for node in nodes(trees, ast.Match) if name(node.subject) in CHOSEN_BY for case in node.cases]
    sides = [(node.left, node.comparators[0]) for node in nodes(trees, ast.Compare)]
    compared = [any(name(a) in CHOSEN_BY and says(b) for a, b in (pair, pair[::-1])) for pair in sides]
    return sum(compared) + sum(says(case.pattern) for case in cases)


def fragments(trees: Trees) -> str:
    """Field docstrings of fewer than 3 words, that repeat the field's name, or that begin in the middle of a phrase."""
    total = bad = 0
    for owner in nodes(trees, ast.ClassDef, ast.FunctionDef):
        for field, below in zip(owner.body, owner.body[1:], strict=False):
            text = getattr(getattr(below, "value", None), "value", None) if isinstance(below, ast.Expr) else None
            if isinstance(field, ast.Assign | ast.AnnAssign) and isinstance(text, str):
                own = {*name(getattr(field, "target", None)).lower().split("_"), "the", "a", "its", "of"}
                short = len(text.split()) < 3 or set(re.findall(r"\w+", text.lower())) <= own
                total, bad = total + 1, bad + (short or bool(BEGINS_INSIDE.match(text)))
    return f"{bad} of {total}"


def only_for_tests(root: Path, trees: Trees) -> dict[str, int]:
    """Lines of public code whose name is used nowhere but in tests; a framework may call methods of its subclasses.

    A template of a page uses what it names.
    """
    used: dict[str, set[tuple[Path, int]]] = {}
    for path, tree in parse(root, "vlmrm", "envs", "scripts", "experiments").items():
        read = {node.id for node in nodes({path: tree}, ast.Name)}
        for word, line in words(tree):
            if path.name == "__init__.py" and ":" not in word and word not in read:
                continue  # what a package passes on is no use, but what its code reads or a row of a registry says is
            for part in re.split("[.:-]", word):
                used.setdefault(part, set()).add((path, line))
    ours, entries = {node.name for node in nodes(trees, ast.ClassDef)}, (root / "pyproject.toml").read_text()
    filled_in = said_in(root.glob("vlmrm/**/*.html"), TEMPLATE_CODE)
    found = {}
    for path, tree in trees.items():
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        owners = [tree, *(node for node in classes if {name(base) for base in node.bases} <= ours | {"Protocol"})]
        named = [node for owner in owners for node in owner.body if hasattr(node, "name")]
        for node in [node for node in named if not node.name.startswith("_") and node.name not in filled_in]:
            inside = {(path, line) for line in range(node.lineno, node.end_lineno + 1)}
            if used.get(node.name, set()) <= inside and not re.search(rf":{node.name}\b", entries):
                found[f"{path}: {node.name}"] = lines(node)
    return found


def said_in(files: Iterable[Path], code: re.Pattern[str]) -> set[str]:
    """Words of the code in some files that are not Python: what `code` finds in them."""
    return {word for file in files for part in code.findall(file.read_text()) for word in re.findall(r"\w+", part)}


def for_users(root: Path, found: dict[str, int]) -> dict[str, int]:
    """What of the code that only tests use here is public for users: the README or a page of ``docs/`` shows it."""
    shown = said_in([root / "README.md", *root.glob("docs/**/*.md")], SHOWN_CODE)
    return {what: count for what, count in found.items() if what.split(": ")[1] in shown}


def step_cycles(trees: Trees) -> int:
    """Files that write both keys of a step's info."""
    known, count = constants(trees), 0
    for path, tree in trees.items():
        stored = [node.slice for node in nodes({path: tree}, ast.Subscript) if isinstance(node.ctx, ast.Store)]
        stored += [key for node in nodes({path: tree}, ast.Dict) for key in node.keys]
        count += {"env_reward", "vlm_reward"} <= {getattr(k, "value", known.get(name(k))) for k in stored}
    return count


def inner_imports(trees: Trees) -> int:
    """Imports of our own modules inside of functions."""
    found = {
        node for owner in nodes(trees, ast.FunctionDef) for node in ast.walk(owner) if isinstance(node, ast.ImportFrom)
    }
    return sum(str(node.module).split(".")[0] == "vlmrm" for node in found)


def parses(root: Path) -> str:
    """How often five tables are parsed, counted with the code of this tree."""
    path = {"PYTHONPATH": f"{root}{os.pathsep}{root / 'envs'}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(Path(__file__).with_name("count_parses.py"))]
    done = subprocess.run(command, env=os.environ | path, capture_output=True, text=True)
    return done.stdout.strip() or f"failed: {done.stderr.splitlines()[-1]}"


def measure(root: Path) -> dict[str, Any]:
    """All measures of one tree, by what they say."""
    trees = parse(root, "vlmrm")
    everything = parse(root, "vlmrm", "envs", "scripts")
    said = {str(path): set(dict(words(tree))) for path, tree in trees.items()}
    unused = only_for_tests(root, trees)
    offered = for_users(root, unused)
    knows = {feature: len(knowing(feature, said)) for feature in FEATURES}
    return {
        "import circles / files in them": circles(trees, inner=False),
        "  with the imports inside of functions": circles(trees, inner=True),
        "type checks on own classes": type_checks(trees),
        "string comparisons on head, kind, method, ensemble": comparisons(trees),
        "other files that know one feature, most": max(knows.values()),
        **{f"  other files that know {feature}": count for feature, count in knows.items()},
        "parses of the 5 tables of one spec": parses(root),
        "function-level imports of own modules": inner_imports(trees),
        "field docstrings that are fragments": fragments(trees),
        "lines of public code that only tests use": sum(unused.values()) - sum(offered.values()),
        "  and lines that docs/ gives to users": sum(offered.values()),
        "places where the step cycle is written": step_cycles(trees),
        **sizes(root, trees),
        "lines of vlmrm, envs and scripts": sizes(root, everything)["lines of vlmrm"],
    }


def main() -> None:
    """Measure each tree and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", action="append", type=Path, help="folder that holds vlmrm/; may be given twice")
    parser.add_argument("--names", action="store_true", help="also name the public code that only tests use")
    args = parser.parse_args()
    roots = [root.resolve() for root in args.root or [Path(__file__).parent.parent]]
    found = [measure(root) for root in roots]
    for what in found[0]:
        print(f"{what:52}" + "".join(f"{column[what]!s:>18}" for column in found))
    for root in roots if args.names else ():
        print("", *sorted(only_for_tests(root, parse(root, "vlmrm"))), sep="\n")


if __name__ == "__main__":
    main()
