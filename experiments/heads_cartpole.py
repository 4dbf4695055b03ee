"""Agents on CartPole with five kinds of reward, for experiments/heads.py."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import vlmrm_envs as envs
from training_run import Run

from vlmrm import RewardModel, RewardSpec
from vlmrm.encoders import load_encoder
from vlmrm.fitting import calibrate, fit, standardize

RUNS = Path(__file__).resolve().parent.parent / "runs" / "heads"
TASK, TARGET, ENCODER = "cartpole/upright", 0.95, "sim-s"
NEGATIVES = ("pole lying to the left of the cart", "pole hanging straight down", "pole lying to the right of the cart")


def reward_specs() -> dict[str, RewardSpec]:
    """Standardized on frames of every angle, so that no reward needs settings of its own."""
    task, encoder = envs.task(TASK), load_encoder(ENCODER)
    labelled = envs.labelled_frames(TASK, 200, seed=0, size_px=encoder.size_px)
    frames, in_goal = labelled.frames, labelled.in_goal
    plain = replace(task.reward, encoder=ENCODER, scaling=None)
    against = replace(plain, prompts=replace(plain.prompts, negatives=NEGATIVES))
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.choice(np.flatnonzero(which), 3, replace=False) for which in (in_goal, ~in_goal)])
    models = {
        "projection": RewardModel(encoder, plain),
        "softmax": RewardModel(encoder, replace(against, head="softmax")),
        "contrast": RewardModel(encoder, replace(against, head="contrast")),
        "few-shot (ProKeR, 3 + 3)": fit(RewardModel(encoder, plain), frames[rows], [1, 1, 1, 0, 0, 0]),
    }
    specs = {name: standardize(model, frames).spec for name, model in models.items()}
    labels = torch.from_numpy(in_goal)
    specs["binary (1 % false positives)"] = calibrate(models["projection"], frames, labels, false_positives=0.01).spec
    return specs


def all_runs() -> list[Run]:
    """One for each reward, with the task's own algorithm and settings."""
    runs = []
    for name, spec in reward_specs().items():
        short = name.split(" ")[0]
        file = RUNS / f"{short}.json"
        spec.save(file)
        options = ["--reward", str(file)]
        runs.append(
            Run(root=RUNS, name=short, task=TASK, kind=name, seed=0, target=TARGET, options=options, filmed=False)
        )
    return runs
