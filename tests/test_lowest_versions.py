"""The lowest versions that are run are the lowest that the project says it works with."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXTRAS = ("mujoco", "transformers", "contrib", "box2d", "trl")


def floors():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = [*project["dependencies"], *(entry for extra in EXTRAS for entry in extras[extra])]
    found = [re.fullmatch(r"([\w-]+)(?:\[[\w,-]+\])?>=([\d.]+)", entry) for entry in named]
    assert all(found), named  # each dependency says its lowest version and no more
    return sorted({(match[1].lower().replace("_", "-"), match[2]) for match in found})


def pins(file):
    lines = re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / file).read_text(), flags=re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in lines}


@pytest.mark.parametrize(("name", "lowest"), floors())
def test_the_lowest_version_that_is_named_is_the_one_that_is_run(name, lowest):
    """Run scripts/compile_lowest after a change of pyproject.toml."""
    if name == "torch":
        assert pins("constraints-lowest.txt")[name] == pins("constraints.txt")[name]
        assert pins("constraints.txt")[name].startswith(lowest)
    else:
        assert re.fullmatch(rf"{re.escape(lowest)}(\.0)*", pins("constraints-lowest.txt")[name])
