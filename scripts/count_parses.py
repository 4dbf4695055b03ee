"""Count how often the five tables of one reward specification are parsed while it is loaded and built.

    python scripts/count_parses.py

A parse makes a record: an instance of what the specification holds, or of a dataclass whose name ends in Options.
`scripts/measure_code.py` runs this with the code of any commit on the path.
"""

import sys
import tempfile
import warnings
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from vlmrm import RewardModel, RewardSpec

SPEC = """
encoder = "sim-xs"
head = "softmax"
alpha = 0.0
options = { temperature = 0.1 }
scaling = { subtract = 0.1, divide = 0.5 }
over_time = { kind = "window", length = 3 }
views = { scales = [1.0, 0.5] }
uncertainty = { ensemble = "prompts", kappa = 1.0 }
prompts = { goal = ["a pole that is upright", "a pole standing straight up"], negatives = ["a pole hanging down"] }
"""


def main() -> None:
    """Load, build, count."""
    made: list[type] = []

    def watch(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_name == "__init__" and is_dataclass(frame.f_locals.get("self")):
            made.append(type(frame.f_locals["self"]))

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "spec.toml"
        file.write_text(SPEC)
        load = getattr(RewardModel, "from_spec", None) or (lambda path: RewardSpec.load(path).build("cpu"))
        sys.setprofile(watch)
        reward = load(file)
        sys.setprofile(None)
    held = {type(value) for value in vars(reward.spec).values() if is_dataclass(value)}
    records = [kind for kind in made if kind in held or kind.__name__.endswith("Options")]
    print(sum(kind.__module__.startswith("vlmrm.rewards") for kind in records))


if __name__ == "__main__":
    main()
