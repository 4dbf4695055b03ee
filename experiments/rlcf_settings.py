"""Which settings of RLCF suit the built-in models? Tried on two cells that are not counted, on a draw of their own.

    python experiments/rlcf_settings.py          (about 25 minutes on 2 cores; goes on where it was)

Texture at 2, where the reward sees better, and blur at 2, where it does not (`rlcf_cells.py`), 162 pictures each.
Every row is traced over 16 steps, so that the number of steps is chosen by the same run. Answers are kept in
``runs/rlcf_settings``; the table goes to ``experiments/results/rlcf_settings.md``.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from rlcf_cells import POLICY, RESULTS, REWARD, SETTINGS, SETTINGS_CELLS, Cell
from rlcf_classify import RLCF, VIEWS
from vlmrm_envs.state_classes import state_pictures, state_sentences

from vlmrm.atomic import whole_file
from vlmrm.frames.corruptions import corrupt
from vlmrm.rewards import RewardSpec
from vlmrm.rlcf import AdaptOptions, Guard, ViewOptions
from vlmrm.rlcf.answer_sets import Classes
from vlmrm.rlcf.labelled import Labelled
from vlmrm.rlcf.results import MethodResult
from vlmrm.rlcf.running import run_method
from vlmrm.rlcf.setup import AdaptedMethod, Setup

WORK = Path("runs") / "rlcf_settings"
SOFTMAX = RewardSpec.from_dict({"encoder": REWARD, "head": "softmax"})
CLIP_SCORE = RewardSpec.clip_score(REWARD)
PLAIN = replace(RLCF, rivals=None)
EXPECTED = replace(RLCF, method="expected_reward", learning_rate=1e-3)
ROWS: dict[str, tuple[RewardSpec, AdaptOptions]] = {
    "RLCF, K = 3, CLIPScore, 3e-4": (CLIP_SCORE, PLAIN),
    "RLCF, K = 3, CLIPScore, 1e-3": (CLIP_SCORE, replace(PLAIN, learning_rate=1e-3)),
    "RLCF, K = 10, CLIPScore, 3e-4": (CLIP_SCORE, replace(PLAIN, candidates=10)),
    "RLCF, K = 3, softmax, 1e-4": (SOFTMAX, replace(RLCF, learning_rate=1e-4)),
    "RLCF, K = 3, softmax, 3e-4": (SOFTMAX, RLCF),
    "RLCF, K = 3, softmax, 1e-3": (SOFTMAX, replace(RLCF, learning_rate=1e-3)),
    "RLCF, K = 5, softmax, 3e-4": (SOFTMAX, replace(RLCF, candidates=5)),
    "RLCF, K = 10, softmax, 3e-4": (SOFTMAX, replace(RLCF, candidates=10)),
    "RLCF, all, softmax, 3e-4": (SOFTMAX, replace(RLCF, candidates=None)),
    "RLCF, K = 3, softmax, 3e-4, views of .5 to 1": (
        SOFTMAX, replace(RLCF, views=ViewOptions(smallest=0.5, flip=False)),
    ),
    "expected reward, K = 3, softmax, 1e-3": (SOFTMAX, EXPECTED),
    "expected reward, K = 10, softmax, 1e-3": (SOFTMAX, replace(EXPECTED, candidates=10)),
    "expected reward, K = 3, CLIPScore, 1e-3": (CLIP_SCORE, replace(EXPECTED, rivals=None)),
    "KD, 1e-3": (SOFTMAX, replace(RLCF, method="kd", learning_rate=1e-3)),
    "TPT, 5e-3": (SOFTMAX, AdaptOptions(method="tpt", tune="prompt", steps=4, learning_rate=5e-3, views=VIEWS)),
    "TPT, 2e-2": (SOFTMAX, AdaptOptions(method="tpt", tune="prompt", steps=4, learning_rate=2e-2, views=VIEWS)),
    "TPT, 6e-2": (SOFTMAX, AdaptOptions(method="tpt", tune="prompt", steps=4, learning_rate=6e-2, views=VIEWS)),
}  # fmt: skip
GUARDS = {
    "confidence 0": Guard("confidence", 0.0), "confidence 0.1": Guard("confidence", 0.1),
    "confidence 0.2": Guard("confidence", 0.2), "certainty 0.5": Guard("certainty", 0.5),
    "certainty 0.7": Guard("certainty", 0.7), "domain": Guard("domain"), "auto 0.1": Guard("auto", 0.1),
    "auto 0.2": Guard("auto", 0.2), "auto 0.3": Guard("auto", 0.3),
}  # fmt: skip
GUARDED_STEPS = 6


def shown(cell: Cell) -> Labelled:
    """Return the pictures of a cell of the settings' own draw."""
    drawn = state_pictures(2, seed=SETTINGS)
    return Labelled(corrupt(drawn.frames, *cell), np.asarray(drawn.labels))


def setup(reward: RewardSpec, methods: dict[str, AdaptedMethod], rivals: str | None) -> Setup:
    """Return one reward with the methods that are tried with it."""
    return Setup(policy=POLICY, answers=Classes(state_sentences(), "{}"), reward=reward, adapted=methods, rivals=rivals)


def run(cell: Cell) -> dict[str, MethodResult]:
    """Return every row of one cell."""
    torch.set_num_threads(1)
    pictures, folder, found = shown(cell), WORK / f"{cell[0]}-{cell[1]}", {}
    plain = setup(SOFTMAX, {}, "texts")
    for method in plain.methods:
        found[method] = run_method(plain, method, pictures, folder / "plain")
    for name, (reward, options) in ROWS.items():
        asked = setup(reward, {"tried": AdaptedMethod(options=options)}, options.rivals)
        found[name] = run_method(asked, "tried", pictures, folder / name.replace(",", "").replace(" ", "-"))
        print(cell, name, [round(100 * share) for share in found[name].accuracy_after_each()], flush=True)
    for name, guard in GUARDS.items():
        guarded = AdaptedMethod(options=replace(RLCF, steps=GUARDED_STEPS), guard=guard)
        asked = setup(SOFTMAX, {"tried": guarded}, RLCF.rivals)
        found[name] = run_method(asked, "tried", pictures, folder / name.replace(" ", "-"))
        print(cell, name, found[name].accuracy, f"{found[name].share_adapted:.2f}", flush=True)
    return found


def table(results: dict[Cell, dict[str, MethodResult]]) -> str:
    """Return the page."""
    cells = list(results)
    names = [f"{kind} {severity}" for kind, severity in cells]
    usual = [
        f"| {method} | " + " | ".join(f"{100 * results[cell][method].accuracy.value:.0f}" for cell in cells) + " |"
        for method in ("zero_shot", "reward_only", "best_of_k", "ensemble")
    ]
    steps = ["| setting, cell | " + " | ".join(map(str, range(1, 17))) + " |", "|" + "---|" * 17]
    for name in ROWS:
        for cell, called in zip(cells, names, strict=True):
            rows = [f"{100 * share:.0f}" for share in results[cell][name].accuracy_after_each()]
            steps.append(f"| {name}; {called} | " + " | ".join([*rows, *[""] * (16 - len(rows))]) + " |")
    guards = [f"| guard | {' | '.join(names)} | adapted |", "|" + "---|" * (len(cells) + 2)]
    for name in GUARDS:
        right = [f"{100 * results[cell][name].accuracy.value:.0f}" for cell in cells]
        adapted = [f"{100 * results[cell][name].share_adapted:.0f} %" for cell in cells]
        guards.append(f"| {name} | {' | '.join(right)} | {', '.join(adapted)} |")
    count = len(next(iter(results[cells[0]].values())).labels)
    return "\n".join(
        [
            "# Settings of adaptation, chosen on two cells that are not counted\n",
            f"Made by `python experiments/rlcf_settings.py`: policy {POLICY}, reward {REWARD}; accuracy in percent of "
            f"{count} pictures a cell by the simulator's state (draw {SETTINGS}; standard error 3 to 4 points).\n",
            f"| | {' | '.join(names)} |", "|" + "---|" * (len(cells) + 1), *usual,
            "\n## After each step\n", *steps,
            f"\n## Guards, RLCF with K = 3, softmax, 3e-4, {GUARDED_STEPS} steps\n", *guards, "",
        ]
    )  # fmt: skip


def main() -> None:
    """Run both cells side by side, and write the table."""
    with ProcessPoolExecutor(len(SETTINGS_CELLS), get_context("spawn")) as pool:
        results = dict(zip(SETTINGS_CELLS, pool.map(run, SETTINGS_CELLS), strict=True))
    with whole_file(RESULTS / "rlcf_settings.md") as aside:
        aside.write_text(table(results), encoding="utf-8")
    sys.stdout.write(table(results))


if __name__ == "__main__":
    main()
