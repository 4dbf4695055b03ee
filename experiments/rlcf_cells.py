"""Where does the reward see better than the policy? Decides which pictures the experiments of adaptation are made on.

    python experiments/rlcf_cells.py

Draws pictures of 81 state classes (`vlmrm_envs.state_classes`), makes them worse in ten ways at five severities, and
measures zero-shot accuracy of the policy (sim-xs) and of the reward's model (sim-m) in each of the 50 cells. Nothing is
adapted here: which cells are counted is fixed by this rule before anything is.

- Two cells are kept for choosing settings: texture at 2 and blur at 2. They are not counted.
- *Better*: of each corruption the cell with the largest difference, if it is at least 15 points; of those the five with
  the largest.
- *No better*: of each corruption the cell with the smallest difference among those where the policy is right of at
  least 30 %, if it is below 15 points; of those the three with the smallest.

Writes ``results/rlcf_cells.json`` and ``.md``.
"""

import json
from pathlib import Path

import torch
from vlmrm_envs.state_classes import StatePictures, state_pictures

from vlmrm.atomic import whole_file, write_json
from vlmrm.frames.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from vlmrm.rlcf import ClipClassifier

POLICY, REWARD = "sim-xs", "sim-m"
GROUPING, SETTINGS, COUNTED = 11, 21, 31
"""Seeds of the draws: this one's, that of settings, and that of what counts."""
SETTINGS_CELLS = (("texture", 2), ("blur", 2))
RESULTS = Path(__file__).parent / "results"
_GAP, _LEAST_POLICY, _BETTER, _NO_BETTER = 15.0, 30.0, 5, 3

Cell = tuple[str, int]


def accuracies(drawn: StatePictures) -> dict[Cell, tuple[float, float]]:
    """Return the zero-shot accuracy of policy and reward in each cell, in percent."""
    labels = torch.from_numpy(drawn.labels)
    models = [ClipClassifier.load(name, drawn.classes, template="{}") for name in (POLICY, REWARD)]
    found = {}
    for kind in CORRUPTIONS:
        for severity in range(1, SEVERITIES + 1):
            frames = corrupt(drawn.frames, kind, severity)
            right = [float((model.logits(frames).argmax(1) == labels).float().mean() * 100) for model in models]
            found[kind, severity] = (right[0], right[1])
            print(f"{kind} {severity}: {right[0]:.0f} {right[1]:.0f}", flush=True)
    return found


def choose(found: dict[Cell, tuple[float, float]]) -> dict[str, list[Cell]]:
    """Return the counted cells of both groups, by the rule above."""
    gap = {cell: reward - policy for cell, (policy, reward) in found.items() if cell not in SETTINGS_CELLS}
    better, no_better = [], []
    for kind in CORRUPTIONS:
        cells = [cell for cell in gap if cell[0] == kind]
        better += [max(cells, key=gap.__getitem__)]
        seen = [cell for cell in cells if found[cell][0] >= _LEAST_POLICY]
        no_better += [min(seen, key=gap.__getitem__)] if seen else []
    better = sorted((cell for cell in better if gap[cell] >= _GAP), key=lambda cell: -gap[cell])
    no_better = sorted((cell for cell in no_better if gap[cell] < _GAP), key=gap.__getitem__)
    return {"better": better[:_BETTER], "no better": no_better[:_NO_BETTER]}


def counted_cells() -> dict[str, list[Cell]]:
    """Return the cells that were chosen, as the results file has them."""
    kept = json.loads((RESULTS / "rlcf_cells.json").read_text())
    return {group: [(kind, severity) for kind, severity in cells] for group, cells in kept["counted"].items()}


def table(found: dict[Cell, tuple[float, float]], chosen: dict[str, list[Cell]]) -> str:
    """Return the page: one row for each corruption, policy and reward at each severity."""
    marks = {cell: "**" for cell in chosen["better"]} | {cell: "_" for cell in chosen["no better"]}
    head = "| corruption | " + " | ".join(map(str, range(1, SEVERITIES + 1))) + " |\n|" + "---|" * (SEVERITIES + 1)
    rows = []
    for kind in CORRUPTIONS:
        cells = [(kind, severity) for severity in range(1, SEVERITIES + 1)]
        said = (f"{marks.get(c, '')}{found[c][0]:.0f} / {found[c][1]:.0f}{marks.get(c, '')}" for c in cells)
        rows.append(f"| {kind} | " + " | ".join(said) + " |")
    return "\n".join([head, *rows])


def main() -> None:
    """Draw, measure, choose and write."""
    drawn = state_pictures(3, seed=GROUPING)
    found = accuracies(drawn)
    chosen = choose(found)
    kept = {"policy": POLICY, "reward": REWARD, "seed": GROUPING, "pictures": len(drawn.frames), "counted": chosen}
    kept["accuracy"] = [[*cell, *pair] for cell, pair in found.items()]
    write_json(RESULTS / "rlcf_cells.json", kept)
    text = (
        f"# Where the reward sees better than the policy\n\nZero-shot accuracy in percent, {POLICY} / {REWARD}, of "
        f"{len(drawn.frames)} pictures of {len(drawn.classes)} states (draw {GROUPING}), made worse at severities 1 to "
        f"5. Made by `python experiments/rlcf_cells.py` before anything was adapted, by the rule in that file. Bold: "
        "counted among the cells where the reward sees better; italic: among those where it does not. Texture at 2 and "
        "blur at 2 are kept for choosing settings.\n\n"
    )
    with whole_file(RESULTS / "rlcf_cells.md") as aside:
        aside.write_text(text + table(found, chosen) + "\n")
    print(text + table(found, chosen))


if __name__ == "__main__":
    main()
