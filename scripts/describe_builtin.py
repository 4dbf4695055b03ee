#!/usr/bin/env python
"""Measure a built-in model on pictures it never saw, and write its README and its reward landscapes.

    python scripts/describe_builtin.py sim-m

Held out: pictures of another seed, and, for the landscapes, the tasks' own prompts, which are never training sentences
nor near copies of one (tests/envs/test_sentences.py). What it makes of other wordings, `experiments/wordings.py`
measures first.
"""

import json
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
import tyro
import vlmrm_envs as envs
from builtin_batches import Batches
from builtin_frames import load_or_draw
from builtin_sizes import REPOSITORY, SIZES, Config
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor
from tyro.conf import Positional
from vlmrm_envs.sayings import load_sayings
from vlmrm_envs.scenes import find_scene
from vlmrm_envs.scenes.scene import SceneStates
from vlmrm_envs.sentences import log_truths

sys.path.insert(0, str(REPOSITORY))

from experiments import wordings
from vlmrm import RewardModel
from vlmrm.encoders import Domain
from vlmrm.encoders.cards import BUILTIN_FOLDER, builtin_names
from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.report.landscape import measure_landscape
from vlmrm.wrappers.make_env import MakeEnv

SETTINGS = [field.name for field in fields(Config)]
HALF_TRUE = np.log(0.5)


def retrieval(encoder: Encoder, frames: Tensor, states: list[SceneStates]) -> list[str]:
    """For each scene: how often the nearest sentence is true, and how many of the ten nearest pictures fit."""
    count = [1] * len(states)
    batches = Batches(states, pictures=count, sentences=count, seed=12345)
    lines = [
        "| scene | nearest sentence is true | by chance | ten nearest pictures fit | by chance |",
        "|---|" + "---|" * 4,
    ]
    rng = np.random.default_rng(0)
    for shown, part in zip(frames.split([len(part) for part in states]), states, strict=True):
        scene, rows = part.scene, np.arange(len(part))
        sentences = [batches.about(rng, scene, concept) for concept in range(len(scene.concepts))]
        truth = log_truths(sentences, [part]) > HALF_TRUE  # n k
        near = encoder.embed_frames(shown) @ encoder.embed_texts([s.text for s in sentences]).T
        nearest_true = truth[np.arange(len(rows)), near.argmax(dim=1).numpy()].mean()
        said = np.flatnonzero(truth.sum(axis=0) >= 10)  # sentences that ten pictures could fit
        ten = near.topk(10, dim=0).indices.numpy()[:, said]
        fit = np.mean([truth[ten[:, j], k].mean() for j, k in enumerate(said)])
        lines.append(
            f"| {scene.name} | {nearest_true:.0%} | {truth.mean():.0%} | {fit:.0%} | {truth[:, said].mean():.0%} |"
        )
    return lines


def landscapes(name: str, scenes: list[str], path: Path) -> list[str]:
    """Rewards of every task over its state variable: a figure, and where the highest one lies."""
    tasks = {n: task for n, task in envs.tasks().items() if n.split("/")[0] in scenes and task.sweep is not None}
    if not tasks:
        return []
    rows = -(-(len(tasks) + 1) // 4)
    figure = Figure(figsize=(4 * 4, 3.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, 4, squeeze=False).ravel()
    lines = [
        "| task | highest reward at | rank correlation with nearness | inside success bounds |",
        "|---|---|---|---|",
    ]
    for axes, task in zip(panels, tasks.values(), strict=False):
        reward = RewardModel.from_spec(replace(task.reward, encoder=name))
        env = MakeEnv(task=task, pictures=True, preprocessing=reward.capture)()
        measured = measure_landscape(env, reward, task.sweep, rule=task.success)
        values, inside = measured.values, measured.in_goal
        row = measured.rewards[measured.alphas.index(task.reward.alpha)]
        for alpha, rewards in zip(measured.alphas, measured.rewards, strict=True):
            axes.plot(values, rewards, linewidth=1.2, label=f"alpha {alpha:g}")
        axes.fill_between(values, 0, 1, where=inside, transform=axes.get_xaxis_transform(), color="green", alpha=0.12)
        axes.set_title(task.name)
        axes.set_xlabel(task.sweep.label, fontsize=8)
        axes.grid(color="#e5e5e5", linewidth=0.6)
        best = f"{measured.peak(task.reward.alpha):.3g} | {nearness(values, inside, row):.2f}"
        lines.append(f"| {task.name} | {best} | {'yes' if inside[row.argmax()] else 'no'} |")
    for axes in panels[len(tasks) :]:
        axes.axis("off")
    panels[-1].legend(*panels[0].get_legend_handles_labels(), loc="center", frameon=False)
    figure.savefig(path, dpi=100)
    return lines


def nearness(values: np.ndarray, inside: np.ndarray, rewards: np.ndarray) -> float:
    """Spearman correlation of the reward with the closeness to the success bounds; 1 is a perfect slope."""
    goal = values[inside]
    gaps = np.abs(values[:, None] - goal[None, :])
    if values[0] == -180:
        gaps = np.minimum(gaps, 360 - gaps)
    ranks = [np.argsort(np.argsort(x)) for x in (-gaps.min(axis=1)[~inside], rewards[~inside])]
    return float(np.corrcoef(*ranks)[0, 1])


def other_words(encoder: Encoder) -> list[str]:
    """How well the model takes the tasks' goals in other words, and whether nonsense stays flat."""
    found = wordings.read(REPOSITORY / "experiments" / "results").get(encoder.name)
    if found is None or found.fingerprint != encoder.fingerprint:
        raise SystemExit(f"first run: python experiments/wordings.py --models {encoder.name}")
    return [
        f"{found.share_taken:.0%} of the wordings in `experiments/wordings.toml` are taken for the goal (AUROC of",
        f"at least {wordings.LEAST_AUROC}, peak inside the goal), and {found.share_flat:.0%} of its sentences",
        "about nothing in the scenes stay flat.",
        "",
        *wordings.table(found.tasks),
    ]


def written(config: Config) -> int:
    """Number of the training sentences that are written by hand."""
    said = [load_sayings(find_scene(scene).sayings) for scene in config.scenes]
    return sum(len(part.plain) + sum(map(len, part.concepts.values())) for part in said)


def foreign(encoder: Encoder, domain: Domain, frames: Tensor) -> list[str]:
    """How much of what the model knows, and of what it cannot know, is reported as outside."""
    rng = torch.Generator().manual_seed(0)
    known = domain.share_outside(encoder.embed_frames(frames))
    lines = ["| frames | reported as outside |", "|---|---|", f"| held-out pictures of its scenes | {known:.1%} |"]
    noise = torch.randint(0, 256, (200, encoder.size_px, encoder.size_px, 3), generator=rng, dtype=torch.uint8)
    lines.append(f"| noise | {domain.share_outside(encoder.embed_frames(noise)):.0%} |")
    for env_id in ("LunarLander-v3", "FrozenLake-v1", "Taxi-v4", "CarRacing-v3"):
        env = gym.make(env_id, render_mode="rgb_array")
        env.reset(seed=0)
        env.action_space.seed(0)
        pictures = []
        while len(pictures) < 100:
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            pictures.append(torch.from_numpy(env.render().copy()))
            if terminated or truncated:
                env.reset()
        share = domain.share_outside(encoder.embed_frames(torch.stack(pictures)))
        lines.append(f"| {env_id}, random actions | {share:.0%} |")
        env.close()
    return lines


LANDSCAPES = (
    "## Reward landscapes of the tasks' own prompts",
    "",
    "At the task's alpha; the rank correlation is of the reward with the closeness to the success bounds, outside",
    "of them.",
)


def visited(training: dict[str, Any]) -> list[str]:
    """What is said of states on the way, and of the model that training began with; empty: there were none."""
    if not training.get("visited"):
        return []
    begun, kinds = training["start_from"], ", ".join(training["sources"])
    return [
        f"{training['visited']:,} more of states near those that agents, pushed poses and climbs of rewards met",
        f"(`scripts/visited_states.py`: {kinds}),",
        "seen from the tasks' camera, the side, nearer by and anywhere, with sentences that name what nearly",
        f"kneels; it began with the weights of `{begun}`;",
        *before(begun),
    ]


def before(begun: str) -> list[str]:
    """What is said of a model that training began with and that is not shipped; empty: it is."""
    if begun in builtin_names():
        return []
    first = SIZES[begun]
    return [
        f"that one, not shipped, had {first.steps:,} steps on {first.frames:,} and {first.visited:,} such pictures and",
        f"began with those of `{first.start_from}`;",
    ]


def main(name: Positional[str]) -> None:
    """Write README.md and landscapes.png into the model's folder.

    Args:
        name: Of a built-in model that train_builtin.py makes today.
    """
    described = [known for known in builtin_names() if known in SIZES]
    if name not in described:
        raise SystemExit(
            f"{name!r} is no built-in model that train_builtin.py makes; those are {', '.join(described)}."
        )
    folder = BUILTIN_FOLDER / name
    card = json.loads((folder / "card.json").read_text())
    encoder = OpenClipEncoder.load(name)
    training = card["training"]
    threads = f"{training['threads']} thread{'s' if training['threads'] > 1 else ''}"
    config = replace(SIZES["sim-m"], **{key: value for key, value in training.items() if key in SETTINGS})
    scenes = config.scenes
    config = replace(config, shares=dict.fromkeys(scenes, 1) | training["shares"])  # a card leaves out a single share
    frames, states = load_or_draw(config, lambda scene: 250, config.seed + 2)  # a seed that nothing was fitted to
    shares = ", ".join(f"{count} times as many of {scene}" for scene, count in training["shares"].items())
    swept = landscapes(name, scenes, folder / "landscapes.png")
    pictures, sentences = (
        sum(config.share(scene) for scene in scenes) * training[of] for of in ("pictures", "sentences")
    )
    lines = [
        f"# {name}",
        "",
        card["description"],
        f"It knows {', '.join(card['knows'])}, and {len(card['words'])} English words.",
        "It is a model of a very small world: anything else, in a picture or a sentence, draws an",
        "`OutOfDomainWarning`, and its reward means nothing.",
        "",
        "## Training",
        "",
        f"`python scripts/train_builtin.py {name}`: {training['frames']:,} pictures of each scene at random",
        f"states{f' ({shares})' if shares else ''}; of the drawn scenes half in other colours, zooms and places,",
        "of MuJoCo's half in other colours and half from other cameras;",
        *visited(training),
        f"{written(config):,} sentences written by hand, with many nouns each, and others composed of phrases.",
        f"First {training['sentence_steps']:,} steps of the text tower on states, then {training['steps']:,} of the",
        f"vision tower on {pictures} pictures, {sentences} sentences about them and {training['nonsense']} about",
        "nothing in them;",
        f"seed {training['seed']}; {training['minutes']:.0f} minutes on {threads}, after drawing.",
        f"A ResNet of OpenCLIP's kind (width {training['width']}, blocks {training['layers']}), {encoder.size_px} px,",
        "squashed, and a 2-layer text tower; the loss is CLIP's with soft targets, the log-truth of each sentence for",
        "each picture; beside it the simulator's state teaches the vision tower.",
        "No task's prompt, nor a near copy (content-word Jaccard > 0.6), is a training sentence.",
        "",
        "## Retrieval on held-out pictures",
        "",
        "One sentence per concept and scene; a sentence is true of a picture where its truth is above one half.",
        "",
        *retrieval(encoder, frames, states),
        "",
        *([*LANDSCAPES, "", *swept, "", "![landscapes](landscapes.png)", ""] if swept else []),
        "## Other words",
        "",
        *other_words(encoder),
        "",
        "## Where it is not at home",
        "",
        "Squared Mahalanobis distance to the nearest scene under that scene's own covariance; of each scene's held-out",
        "frames 98 % lie inside. More worlds: `experiments/results/domain.md`.",
        "",
        *foreign(encoder, Domain.load(folder), frames),
    ]
    (folder / "README.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
