"""The 36 rewards of prediction.py: tasks, sentences, models and heads, good and bad on purpose.

Those of other pages were trained there, and their curves are kept with the page's numbers; the others are trained by
prediction.py itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import classic_control
import mujoco_small
from training_run import Run

from vlmrm import PromptSet
from vlmrm.rewards import RewardSpec
from vlmrm.tasks import find_task

HERE = Path(__file__).resolve().parent
RUNS = HERE.parent / "runs" / "prediction"
KEPT_RUNS = HERE / "results" / "prediction_runs.json"  # what came out of the runs that prediction.py trains
TARGETS = classic_control.TARGETS


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A reward that was trained on, and is audited."""

    name: str
    """Of the run."""
    task: str
    """That the reward is for."""
    says: str
    """What tables call the reward."""
    changes: dict[str, Any] = field(default_factory=dict)
    """Of the task's own spec."""
    run_of: Callable[[], Run] | None = None
    """The run of another page. None: prediction.py trains it."""

    @property
    def ours(self) -> bool:
        """Whether prediction.py trains it."""
        return self.run_of is None

    @property
    def target(self) -> float:
        """Share of successes that counts as learnt."""
        return TARGETS.get(self.task, 0.9)

    def spec(self) -> RewardSpec:
        """The reward."""
        return replace(find_task(self.task).reward, **self.changes)

    def run(self) -> Run:
        """Its training run."""
        if self.run_of is not None:
            return self.run_of()
        reward = RUNS / "rewards" / f"{self.name}.json"
        reward.parent.mkdir(parents=True, exist_ok=True)
        self.spec().save(reward)
        return Run(
            root=RUNS, name=self.name, task=self.task, kind="text", seed=0, target=self.target,
            options=["--reward", str(reward)], numbers=KEPT_RUNS,
        )  # fmt: skip


def _kept(page: Any, name: str, task: str, says: str, **changes: Any) -> Subject:
    """A run of another page."""
    runs = {run.name: run for run in page.all_runs()}
    return Subject(name=name, task=task, says=says, changes=changes, run_of=lambda: runs[name])


def _wrong(task: str) -> PromptSet:
    goal, baseline = classic_control.WRONG.get(task, mujoco_small.WRONG)
    return PromptSet(goal, baseline)


def _classic(task: str, kind: str, says: str, **changes: Any) -> Subject:
    return _kept(classic_control, f"{task.replace('/', '-')}-{kind}-0", task, says, **changes)


def _mujoco(task: str, kind: str, says: str, **changes: Any) -> Subject:
    return _kept(mujoco_small, f"{task.replace('/', '-')}-{kind}-0", task, says, **changes)


def _own(task: str, name: str, says: str, **changes: Any) -> Subject:
    return Subject(name=f"{task.replace('/', '-')}-{name}", task=task, says=says, changes=changes)


CART, CAR, ROD = "cartpole/upright", "mountain_car/flag", "pendulum/upright"
STICK = "inverted_pendulum/upright"
_TOP = PromptSet(*classic_control.ON_TOP)

CHOSEN_ON = (
    _classic(CART, "text", "the task's own"),
    _classic(CAR, "text", "the task's own"),
    _classic(ROD, "text", "the task's own"),
    _classic("cartpole/hanging", "text", "the task's own"),
    _classic("mountain_car/far_left", "text", "the task's own"),
    _classic("pendulum/hanging", "text", "the task's own"),
    _classic(CART, "wrong", "a sentence about another scene", prompts=_wrong(CART)),
    _classic(CAR, "wrong", "a sentence about another scene", prompts=_wrong(CAR)),
    _classic(ROD, "wrong", "a sentence about another scene", prompts=_wrong(ROD)),
    _classic(CART, "random", "random weights", encoder="random:sim-s"),
    _classic(ROD, "random", "random weights", encoder="random:sim-s"),
    _classic(CAR, "top", "a pole's sentence with the word top", prompts=_TOP),
)
"""Runs on which the score is chosen."""

_POLE = ("a pole lying to the left of the cart", "a pole hanging straight down")
TESTED_ON = (
    _mujoco("inverted_pendulum/upright", "text", "the task's own"),
    _mujoco("hopper/stand", "text", "the task's own"),
    _mujoco("half_cheetah/on_its_back", "text", "the task's own"),
    _mujoco("reacher/touch", "text", "the task's own"),
    _mujoco("reacher/top", "opposite", "the task's own"),
    _mujoco("reacher/bottom", "opposite", "the task's own"),
    _classic(CAR, "random", "random weights", encoder="random:sim-s"),
    _own(CART, "xs", "sim-xs", encoder="sim-xs"),
    _own(CART, "m", "sim-m", encoder="sim-m"),
    _own(CART, "leaning", "a sentence of half the way",
         prompts=PromptSet("a pole leaning to the right", "a pole on a cart")),
    _own(CART, "cart", "a sentence that is always true", prompts=PromptSet("a cart on a track", "a cart")),
    _own(CART, "alpha", "alpha 1", alpha=1.0),
    _own(CART, "softmax", "softmax", head="softmax", alpha=None, options={"temperature": 0.1},
         prompts=PromptSet("a pole held vertically upright", negatives=_POLE)),
    _own(ROD, "xs", "sim-xs", encoder="sim-xs"),
    _own(ROD, "m", "sim-m", encoder="sim-m"),
    _own(ROD, "right", "a sentence of half the way",
         prompts=PromptSet("a pendulum pointing to the right", "a pendulum")),
    _own(ROD, "contrast", "contrast", head="contrast", alpha=None,
         prompts=PromptSet("a pendulum standing straight up", negatives=("a pendulum hanging straight down",))),
    _own(CAR, "xs", "sim-xs", encoder="sim-xs"),
    _own(CAR, "m", "sim-m", encoder="sim-m"),
    _own(CAR, "valley", "the valley", prompts=PromptSet("a car at the bottom of the valley", "a car in the mountain")),
    _own("pendulum/hanging", "xs", "sim-xs", encoder="sim-xs"),
    _own(STICK, "xs", "sim-xs", encoder="sim-xs"),
    _own(STICK, "wrong", "a sentence about another scene", prompts=PromptSet(*mujoco_small.WRONG)),
    _own(STICK, "cart", "a sentence that is always true", prompts=PromptSet("a cart on a rail", "a cart")),
)  # fmt: skip
"""Runs on which it is tested."""
