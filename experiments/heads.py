#!/usr/bin/env python
"""Every way to make a reward of the same embeddings, side by side: what it tells apart, and what it costs.

    python experiments/heads.py                  # all; draws 8 x 1,000 frames once, trains 5 x CartPole
    python experiments/heads.py --jobs 0         # no training, only the tables of what is there
    python experiments/heads.py --times-only     # times anew, when the machine is quiet; the rest stands as it is
    python experiments/heads.py --frames 100 --jobs 0 --out /tmp/quick

On the labelled frames of the eight humanoid poses (held-out cameras, colours and joint angles, look-alikes included;
those of experiments/humanoid_rewards.py): AUROC and false positives at 90 % recall of every head, and of few-shot
rewards from 3 pictures of success and 3 of failure, of encoders and prompts tuned on as many, and of crops and several
encoders on larger frames of three poses. Then milestones on episodes of three poses in every order, the uncertainty of
frames that were made strange, the time of all heads together on 1,024 embeddings of width 512, and agents on CartPole
with five of the rewards, judged on the simulator's state. Results go to
experiments/results/heads.{md,json}.
"""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from zlib import crc32

import numpy as np
import torch
import tyro
import vlmrm_envs as envs
from heads_cartpole import all_runs
from heads_encoders import seen_otherwise
from heads_report import write_report
from heads_tuning import both
from heads_uncertainty import detection, disagreement
from humanoid_rewards import HELD_OUT, TASKS, Labelled, draw, frames_folder, load
from shipped import fingerprint
from torch import Tensor
from training_runs import carry_out_all

from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.encoders import load_encoder
from vlmrm.fitting import fit_embeddings
from vlmrm.fitting.pseudo_labelling import pseudo_labels_of
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.metrics.labelled_scores import auroc, false_positive_rate
from vlmrm.rewards import FrameFeatures
from vlmrm.rewards.build import build_reward
from vlmrm.rewards.stream import episode_rewards
from vlmrm.rewards.transforms.few_shot import FEW_SHOT

HERE = Path(__file__).resolve().parent
TEMPLATES = [
    "{}", "simulation of {}", "picture of {}", "{} on a tiled floor", "{} seen from the side", "{} under the sky",
]  # fmt: skip
ROBOTS = ["humanoid", "cheetah", "four-legged"]
ORDERED = ("humanoid/standing_up", "humanoid/kneeling", "humanoid/lotus")  # up, on its knees, seated
BY_NAME = "tip_adapter, found by name"
SUPPORTS, PER_CLASS, EPISODES, FRAMES_A_STAGE = 50, 3, 100, 4


@dataclass(frozen=True, kw_only=True)
class Args:
    """What is measured."""

    encoder: str = "sim-m"
    """Of the humanoid's frames."""
    frames: int = 1000
    """Of each pose."""
    jobs: int = 2
    """Training runs at a time, one core each; 0: only those that have finished are shown."""
    times_only: bool = False
    """Measure the time of all heads together anew, and take everything else from the results that are there."""
    out: Path = HERE / "results"
    """Folder of the results."""
    work: Path = HERE.parent / "runs" / "humanoid_rewards"
    """Folder of the frames."""


def head_specs(encoder: str, task: str) -> dict[str, RewardSpec]:
    """The rewards of one pose from sentences alone; the other poses are what must not be taken for it."""
    prompts, others = (
        envs.task(task).reward.prompts,
        [envs.task(other).reward.prompts.goal[0] for other in TASKS if other != task],
    )
    goal, against = prompts.goal[0], replace(prompts, negatives=tuple(others))
    parts = {"robot": ROBOTS, "pose": [sentence.removeprefix("a humanoid robot ") for sentence in (goal, *others)]}

    def spec(**fields: Any) -> RewardSpec:
        return RewardSpec(**{"encoder": encoder, "prompts": against, "alpha": 0.0} | fields)

    return {
        "cosine (projection, alpha 0)": spec(),
        "projection, alpha 0.5": spec(alpha=0.5),
        "projection, alpha 1": spec(alpha=1.0),
        "softmax over the other poses": spec(head="softmax"),
        "contrast to the other poses": spec(head="contrast"),
        "sigmoid": spec(head="sigmoid", options={"bias": -5.0}),
        "auto_clip, goal alone": spec(
            head="auto_clip", options={"templates": TEMPLATES}, prompts=PromptSet(goal)
        ),
        "auto_clip over the other poses": spec(head="auto_clip", options={"templates": TEMPLATES}),
        "factored, a {robot} robot {pose}": spec(
            head="factored", options={"factors": parts}, prompts=PromptSet("a {robot} robot {pose}")
        ),
    }  # fmt: skip


def scores_of(model: RewardModel) -> Callable[[Tensor], Tensor]:
    """The score of frames that have been embedded."""
    return lambda embeddings: model.score(FrameFeatures(embeddings=embeddings))


def measured(head: Callable[[Tensor], Tensor], embeddings: Tensor, in_goal: np.ndarray) -> dict[str, float]:
    """Of one head on one pose."""
    seconds = []
    for _ in range(10):
        start = perf_counter()
        scores = head(embeddings)
        seconds.append(perf_counter() - start)
    return {
        "auroc": auroc(scores.numpy(), in_goal),
        "false_positives": false_positive_rate(scores.numpy(), in_goal),
        "ms_per_1000": 1000 * median(seconds) * 1000 / len(embeddings),
    }


def few_shot(model: RewardModel, embeddings: Tensor, in_goal: np.ndarray) -> dict[str, list[float]]:
    """AUROC on the other frames, for many random supports: of the sentence, and of each method."""
    goal, other = np.flatnonzero(in_goal), np.flatnonzero(~in_goal)
    found: dict[str, list[float]] = {"sentence": [], **{method: [] for method in FEW_SHOT}, BY_NAME: []}
    rng = np.random.default_rng(0)
    for _ in range(SUPPORTS):
        rows = np.concatenate([rng.choice(goal, PER_CLASS, False), rng.choice(other, PER_CLASS, False)])
        labels = [1.0] * PER_CLASS + [0.0] * PER_CLASS
        rest = np.setdiff1d(np.arange(len(in_goal)), rows)
        heads = {"sentence": scores_of(model)}
        for method in FEW_SHOT:
            heads[method] = scores_of(fit_embeddings(model, embeddings[rows], labels, method=method))
        bank = rng.choice(rest, len(rest) // 2, replace=False)
        rest = np.setdiff1d(rest, bank)
        heads[BY_NAME] = by_name(model, embeddings[bank])
        for name, head in heads.items():
            found[name].append(auroc(head(embeddings[rest]).numpy(), in_goal[rest]))
    return found


def by_name(model: RewardModel, bank: Tensor) -> Callable[[Tensor], Tensor]:
    """Fitted on the frames of a bank that the sentences take for successes and failures."""
    prompts = model.spec.prompts
    texts = model.encoder.embed_texts([*prompts.goal, *prompts.negatives])
    rows, labels = pseudo_labels_of(bank, texts[0], texts[1:])
    return scores_of(fit_embeddings(model, bank[rows], labels.tolist(), method="tip_adapter"))


def milestones(encoder: Any, stages: list[Tensor]) -> dict[str, Any]:
    """Episodes of three poses in every order: share in which the right order is paid most, and the same of means."""
    sentences = [envs.task(task).reward.prompts.goal[0] for task in ORDERED]
    others = [envs.task(task).reward.prompts.goal[0] for task in TASKS if task not in ORDERED]
    prompts, steps = PromptSet(sentences, negatives=others), len(ORDERED) * FRAMES_A_STAGE
    over_time = {
        "milestones": {"kind": "milestones"},
        "milestones, held for 2 frames": {"kind": "milestones", "hold": 2},
        "mean of all frames": {"kind": "window", "length": steps + 1},
    }
    rng, found = np.random.default_rng(0), {}
    picked = [[stage[rng.choice(len(stage), FRAMES_A_STAGE)] for stage in stages] for _ in range(EPISODES)]
    for name, options in over_time.items():
        spec = RewardSpec(encoder=encoder.name, prompts=prompts, alpha=0.0, over_time=options)
        built, wins, right, wrong = build_reward(encoder, spec), 0, [], []
        for parts in picked:
            worth = {}
            for order in itertools.permutations(range(len(ORDERED))):
                # the right order's first frame opens every episode: what it shows is nobody's merit
                episode = torch.cat([parts[2][:1], *(parts[stage] for stage in order)])
                paid = episode_rewards(built.over_time, FrameFeatures(embeddings=episode), terminated=False)
                worth[order] = float(paid[-1] if name.startswith("mean") else paid.sum())
            best = worth.pop((0, 1, 2))
            wins += best > max(worth.values()) + 1e-6
            right.append(best)
            wrong.append(max(worth.values()))
        found[name] = {
            "right_order_wins": wins / EPISODES,
            "right_order": float(np.mean(right)),
            "best_other_order": float(np.mean(wrong)),
        }
    return found


class Wide:
    """Stands in for an encoder of width 512: a sentence gets a random vector, always the same."""

    name, fingerprint, dim, logit_scale, logit_bias = "wide", "wide", 512, 100.0, 0.0
    size_px, domain = 32, None
    preprocessing = Preprocessing(size_px=32, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))

    def embed_frames(self, frames: Tensor) -> Tensor:
        """Unit-length rows, whatever the frames show: only embeddings are measured."""
        return unit(len(frames), seed=0)

    def embed_texts(self, texts: list[str]) -> Tensor:
        """Unit-length rows."""
        return torch.cat([unit(1, seed=crc32(text.encode())) for text in texts])


def unit(count: int, seed: int) -> Tensor:
    """Random embeddings of width 512."""
    return torch.nn.functional.normalize(torch.randn(count, 512, generator=torch.Generator().manual_seed(seed)), dim=1)


def time_all_heads(encoder: Any, *, rounds: int = 20) -> dict[str, float]:
    """Milliseconds of each way to make rewards of 1,024 embeddings, and of all together; medians.

    They are one step of as many episodes side by side, which matters only to rewards that look back.
    """
    seen = FrameFeatures(embeddings=unit(1024, seed=0))
    specs = head_specs("wide", TASKS[0])
    plain = specs["cosine (projection, alpha 0)"]
    sequence, in_turn = PromptSet(["first", "second", "third"]), {"kind": "milestones"}
    specs["milestones"] = RewardSpec(encoder="wide", prompts=sequence, alpha=0.0, over_time=in_turn)
    for over_time in ({"kind": "difference"}, {"kind": "shaping", "gamma": 0.99}, {"kind": "window", "length": 8}):
        specs[f"over_time, {over_time['kind']}"] = replace(plain, over_time=over_time)
    model = RewardModel(encoder, plain)
    for method in FEW_SHOT:
        fitted = fit_embeddings(model, unit(16, seed=1), [1, 0] * 8, method=method)
        specs[f"few_shot, {method}"] = fitted.spec
    streams = {name: RewardModel(encoder, spec).stream(len(seen)) for name, spec in specs.items()}
    for stream in streams.values():
        stream.begin(seen)
    ends = torch.zeros(len(seen), dtype=torch.bool)
    times: dict[str, list[float]] = {name: [] for name in [*streams, "all together"]}
    for _ in range(rounds):
        for name, stream in streams.items():
            start = perf_counter()
            stream.step(seen, ends)
            times[name].append(1000 * (perf_counter() - start))
        times["all together"].append(sum(times[name][-1] for name in streams))
    return {name: median(rows) for name, rows in times.items()}


def main(args: Args) -> None:
    """Draw, measure, train, write."""
    if args.times_only:
        numbers = json.loads((args.out / "heads.json").read_text())
        write_report(numbers | {"ms_for_1024_of_width_512": time_all_heads(Wide())}, all_runs(), args.out)
        return
    encoder = load_encoder(args.encoder)
    folder = frames_folder(args.work, encoder.size_px, args.frames)
    frames: dict[str, Labelled] = {}
    for task in TASKS:
        path = folder / f"{task.split('/')[1]}-held_out.npz"
        draw(envs.task(task), HELD_OUT, args.frames, encoder.size_px, path)
        frames[task] = load(path)
    poses: dict[str, dict[str, Any]] = {}
    shots, tuning, stages = {}, {}, {}
    for task, labelled in frames.items():
        embeddings = encoder.embed_frames(labelled.frames)
        stages[task] = embeddings[torch.from_numpy(labelled.in_goal)]
        specs = head_specs(args.encoder, task)
        models = {name: RewardModel(encoder, spec) for name, spec in specs.items()}
        poses[task] = {name: measured(scores_of(model), embeddings, labelled.in_goal) for name, model in models.items()}
        shots[task] = few_shot(models["cosine (projection, alpha 0)"], embeddings, labelled.in_goal)
        tuning[task] = both(models["projection, alpha 0.5"], task.split("/")[1], labelled.frames, labelled.in_goal)
        print(f"measured {task}", flush=True)
    numbers = {
        "encoder": args.encoder,
        "fingerprint": fingerprint(args.encoder),
        "frames": args.frames,
        "poses": poses,
        "few_shot": shots,
        "tuning": tuning,
        "seen_otherwise": seen_otherwise(args.encoder, args.work),
        "ms_for_1024_of_width_512": time_all_heads(Wide()),
        "milestones": milestones(encoder, [stages[task] for task in ORDERED]),
    }
    kneeling = TASKS[0]
    spec = replace(envs.task(kneeling).reward, encoder=args.encoder, alpha=0.0)
    own = envs.labelled_frames(kneeling, 400, seed=0, size_px=encoder.size_px).frames
    numbers["uncertainty"] = {
        "the task's own camera": detection(encoder, spec, own),
        "25 cameras and looks": detection(encoder, spec, frames[kneeling].frames),
    }
    numbers["disagreement"] = disagreement(spec, own)
    runs = all_runs()
    carry_out_all(runs, args.jobs)
    write_report(numbers, runs, args.out)
    print((args.out / "heads.md").read_text())


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
