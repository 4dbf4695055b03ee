#!/usr/bin/env python
"""What raises the rewards of six tasks, and what other settings of the autoencoder would find.

    python experiments/concepts.py          (about 5 minutes on 2 cores)

The first table has the usual settings and the concept that raises each task's own reward most. The second has means
over the tasks for other numbers of latents: how much of the embeddings they rebuild, how much alike the frames of a
concept look to a second model, and how far a concept is found again by another autoencoder. Both go to
``experiments/results/concepts.md``.
"""

from collections.abc import Sequence

import numpy as np
from report_pages import RESULTS

from vlmrm.atomic import whole_file
from vlmrm.data import LabelledFrames, frames_of_task
from vlmrm.report.concepts import AutoencoderOptions, Concepts, find_concepts
from vlmrm.report.words import percent
from vlmrm.rewards import RewardModel
from vlmrm.tasks import find_task

FRAMES = 400
TASKS = (
    "cartpole/upright", "mountain_car/far_left", "pendulum/upright", "reacher/touch", "half_cheetah/on_its_back",
    "humanoid/kneeling",
)  # fmt: skip
USUAL = AutoencoderOptions()
OTHERS = (
    USUAL, AutoencoderOptions(active=1), AutoencoderOptions(active=4), AutoencoderOptions(latents=64),
)  # fmt: skip


def drawn(name: str) -> tuple[RewardModel, LabelledFrames]:
    """The task's own reward, and states drawn as its model sees them."""
    task = find_task(name)
    reward = RewardModel.from_spec(task.reward)
    return reward, LabelledFrames.join(list(frames_of_task(task, FRAMES).batches(reward.capture)))


def row(name: str, found: Concepts) -> str:
    """A line of the first table."""
    told = found.monosemantic
    numbers = f"{found.explained:.3f} | {found.score_correlation:.3f} | {len(found.concepts)} | {found.dead}"
    alike = f"{told.concepts:.2f} | {told.dimensions:.2f} | {told.by_chance:.2f} | {_again([found]):.2f}"
    first = "none surely does | - | -"
    if found.raising:
        best = found.raising[0]
        first = f"{best.title} | {best.effect} | {percent(best.goal_share)}, {percent(best.other_share)}"
    return f"| {name} | {numbers} | {alike} | {first} |"


def row_of(options: AutoencoderOptions, found: Sequence[Concepts]) -> str:
    """A line of the second table: means over the tasks."""
    explained = np.mean([one.explained for one in found])
    alike = np.mean([one.monosemantic.concepts for one in found])
    lives = np.mean([len(one.concepts) for one in found])
    goal = np.mean([_apart(one) for one in found])
    return (
        f"| {options.latents} | {options.active} | {explained:.3f} | {lives:.1f} | {alike:.2f} | {_again(found):.2f} | "
        f"{goal:.2f} |"
    )


def _again(found: Sequence[Concepts]) -> float:
    return float(np.mean([np.mean([concept.found_again for concept in one.concepts]) for one in found]))


def _apart(found: Concepts) -> float:
    """How much more of the goal frames than of the others show what raises the reward most; 0: nothing surely does."""
    return found.raising[0].goal_share - found.raising[0].other_share if found.raising else 0.0


def main() -> None:
    """Draw each task once, and take its embeddings apart in every way."""
    by_options: dict[AutoencoderOptions, list[Concepts]] = {options: [] for options in OTHERS}
    for name in TASKS:
        reward, frames = drawn(name)
        for options, found in by_options.items():
            found.append(find_concepts(reward, frames, options=options))
        print(row(name, by_options[USUAL][-1]), flush=True)
    lines = [row(name, found) for name, found in zip(TASKS, by_options[USUAL], strict=True)]
    text = "\n".join([_HEAD, *lines, _SETTINGS, *(row_of(*one) for one in by_options.items()), ""])
    with whole_file(RESULTS / "concepts.md") as aside:
        aside.write_text(text, encoding="utf-8")


_HEAD = f"""# What raises the rewards of six tasks

Made by `python experiments/concepts.py` with today's built-in models: each task's own reward on {FRAMES} drawn states,
{USUAL.latents} latents, of which {USUAL.active} at most are active in a frame. *Rebuilt*: share of the embeddings'
variance; *rewards*: correlation of the reward of what is rebuilt with the reward. *Alike*: monosemanticity by a second
built-in model, mean over the concepts, over the dimensions of the embedding, and by chance. *Again*: mean correlation
of concepts with the nearest ones of an autoencoder of frames drawn anew and another seed. Last, the concept that raises
the reward most, its effect where it is active, and in which share of the goal frames and of the others that is.

| task | rebuilt | rewards | concepts | dead | alike | dimensions | chance | again | raises most | effect | active in |
|---|---|---|---|---|---|---|---|---|---|---|---|"""
_SETTINGS = """
Other settings, means over the tasks; *apart*: share of the goal frames less that of the others where the concept that
raises the reward most is active, and 0 where none surely does.

| latents | active | rebuilt | concepts | alike | again | apart |
|---|---|---|---|---|---|---|"""


if __name__ == "__main__":
    main()
