"""Does a reward adapt a classifier to single pictures, and what does the gradient buy that re-ranking cannot?

    python experiments/rlcf_classify.py          (about 75 minutes on 1 core; goes on where it was, then the tables)
    python experiments/rlcf_classify.py --cells texture-4 rotate-3      (a part, for another process at the same time)

Policy sim-xs, reward sim-m, 81 state classes; the cells are those of `rlcf_cells.py`, 243 pictures each of a draw of
their own. Labels are the simulator's state. Settings were chosen on two other cells of another draw, see
`rlcf_settings.py`; one setting holds for all cells. Answers are kept in ``runs/rlcf_classify``; results go to
``experiments/results/rlcf_classify.json`` and ``.md``.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rlcf_cells import COUNTED, POLICY, RESULTS, REWARD, Cell, counted_cells
from rlcf_table import write_results
from vlmrm_envs.state_classes import StatePictures, state_pictures, state_sentences

from vlmrm.cli.frame_progress import frame_progress
from vlmrm.frames.corruptions import corrupt
from vlmrm.rewards import RewardSpec
from vlmrm.rlcf import AdaptOptions, ClipClassifier, Guard, ViewOptions
from vlmrm.rlcf.answer_sets import Classes
from vlmrm.rlcf.evaluation import answers
from vlmrm.rlcf.labelled import Labelled, checked_labels
from vlmrm.rlcf.results import MethodResult
from vlmrm.rlcf.running import run_method
from vlmrm.rlcf.setup import AdaptedMethod, Setup
from vlmrm.rlcf.whole_set import upl, with_prototypes

WORK = Path("runs") / "rlcf_classify"
PER_CLASS = 3
TRACED = 16
"""Steps that are traced; a row stands after its own number of them."""
STEPS = {"rlcf": 6, "expected": 8, "self_reward": 6, "kd": 6}
"""Steps of each row, chosen on the settings cells."""
VIEWS = ViewOptions(smallest=0.8, flip=False)
RLCF = AdaptOptions(learning_rate=3e-4, steps=TRACED, candidates=3, rivals="texts", views=VIEWS)
GUARD = Guard("auto", 0.2)
TEMPLATES = ("{}", "a photo of a scene in which {}", "a picture in which {}", "here {}", "a simulation in which {}")


def setup() -> Setup:
    """Return everything that is compared."""
    tpt = AdaptOptions(method="tpt", tune="prompt", steps=1, learning_rate=5e-3, views=VIEWS)
    guarded = replace(RLCF, steps=STEPS["rlcf"])
    expected = replace(RLCF, method="expected_reward", learning_rate=1e-3)
    return Setup(
        policy=POLICY,
        answers=Classes(state_sentences(), "{}"),
        reward=RewardSpec.from_dict({"encoder": REWARD, "head": "softmax"}),
        adapted={
            "rlcf": AdaptedMethod(options=RLCF),
            "expected": AdaptedMethod(options=expected),
            "guarded": AdaptedMethod(options=guarded, guard=GUARD),
            "guarded_expected": AdaptedMethod(options=replace(expected, steps=STEPS["expected"]), guard=GUARD),
            "kd": AdaptedMethod(options=replace(RLCF, method="kd", learning_rate=1e-3, steps=STEPS["kd"])),
            "tpt": AdaptedMethod(options=tpt),
            "self_reward": AdaptedMethod(options=replace(RLCF, steps=STEPS["self_reward"]), self_reward=True),
            "tent": AdaptedMethod(options=replace(RLCF, method="tent", tune="norm", steps=1)),
            "c_tpt": AdaptedMethod(options=replace(tpt, method="c_tpt")),
            "at_kd": AdaptedMethod(options=replace(RLCF, method="at_kd", learning_rate=1e-3, steps=STEPS["kd"])),
            "group": AdaptedMethod(options=replace(RLCF, baseline="group", steps=STEPS["rlcf"])),
            "pseudo_label": AdaptedMethod(options=replace(RLCF, method="pseudo_label", steps=STEPS["rlcf"])),
        },
        training_free=("zero", "mta", "tda", "template_mean", "auto_clip"),
        templates=TEMPLATES,
        rivals=RLCF.rivals,
        views=VIEWS,
    )


@dataclass(frozen=True)
class Options:
    """What to run."""

    cells: tuple[str, ...] = ()
    """Only these cells, as texture-4, so that several processes can share the work. Empty: all, and the tables."""
    workers: Annotated[int, tyro.conf.arg(help="Number of processes.")] = 1
    """Number of processes."""


def run_cell(drawn: StatePictures, cell: Cell, workers: int) -> dict[str, MethodResult]:
    """Return what every method says of one cell."""
    kind, severity = cell
    shown = Labelled(corrupt(drawn.frames, kind, severity), np.asarray(drawn.labels))
    asked, found = setup(), {}
    for method in asked.methods:
        said = f"{kind} {severity}, {method}"
        progress = frame_progress(f"answered by {said}", what="pictures")
        found[method] = run_method(
            asked, method, shown, WORK / "counted" / f"{kind}-{severity}", workers=workers, progress=progress
        )
        after = found[method].accuracy_after_each()
        print(f"{said}: {found[method].accuracy} {[round(100 * share) for share in after]}", flush=True)
    return found | of_whole_set(asked.classifier, shown)


def of_whole_set(classifier: ClipClassifier, shown: Labelled) -> dict[str, MethodResult]:
    """Return what is said of a cell by those that see all of its pictures first."""
    right = checked_labels(shown.queries, shown.labels, classifier.count)
    learned = {"upl": upl(classifier, shown.queries), "prototypes": with_prototypes(classifier, shown.queries)}
    return {
        name: MethodResult(name=name, each=list(answers(one, shown.queries, right)), labels=right)
        for name, one in learned.items()
    }


def main(options: Options) -> None:
    """Run what is missing, and write the tables."""
    drawn = state_pictures(PER_CLASS, seed=COUNTED)
    results = {
        group: {
            cell: run_cell(drawn, cell, options.workers)
            for cell in cells
            if not options.cells or f"{cell[0]}-{cell[1]}" in options.cells
        }
        for group, cells in counted_cells().items()
    }
    if not options.cells:
        write_results(results, STEPS, RESULTS / "rlcf_classify", setup().protocol("rlcf"))


if __name__ == "__main__":
    main(tyro.cli(Options))
