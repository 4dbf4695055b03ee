#!/usr/bin/env python
"""Do the built-in models know their own scenes from all else? The share of frames that they report as outside.

    python experiments/domain.py

Own frames: random states of a seed that no region was fitted to, and episodes of the catalogue's tasks, of another seed
as well. Foreign ones: environments of Gymnasium, and pictures of `domain_pictures`, none of which took part in a fit.
In between: a model's own bodies as Gymnasium's own cameras show them. Results go to experiments/results/domain.md.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
import tyro
from domain_pictures import DRAWN
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

from builtin_domain import own_tasks, shipped, task_frames
from builtin_frames import load_or_draw

from vlmrm.encoders import Domain
from vlmrm.encoders.cards import BUILTIN_FOLDER
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder

MODELS = ("sim-xs", "sim-s", "sim-m")
FOREIGN = (
    "Taxi-v4",
    "FrozenLake-v1",
    "FrozenLake8x8-v1",
    "CliffWalking-v1",
    "Blackjack-v1",
    "CarRacing-v3",
    "LunarLander-v3",
    "BipedalWalker-v3",
    "Swimmer-v5",
    "Pusher-v5",
    "Walker2d-v5",
    "InvertedDoublePendulum-v5",
)
OWN_BODIES = (
    "InvertedPendulum-v5",
    "Reacher-v5",
    "Hopper-v5",
    "HalfCheetah-v5",
    "Ant-v5",
    "Humanoid-v5",
)
STEPS_APART = 3
AIM_OWN, AIM_FOREIGN = 0.05, 0.90
Shares = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Args:
    """Shares of frames that the built-in models report as outside."""

    frames: int = 150
    """Frames of each environment and kind of picture."""
    random_frames: int = 200
    """Random states of each scene."""
    out: Path = Path(__file__).parent / "results"
    """Folder of the page."""


def pictures(env_id: str, count: int) -> Tensor:
    """Draw an environment of Gymnasium under random actions."""
    env = gym.make(env_id, render_mode="rgb_array")
    env.reset(seed=0)
    env.action_space.seed(0)
    drawn: list[Tensor] = []
    while len(drawn) < count:
        for _ in range(STEPS_APART):
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                env.reset()
        drawn.append(torch.from_numpy(np.array(env.render())))
    env.close()
    return torch.stack(drawn)


def foreign(count: int) -> dict[str, Tensor]:
    """Draw everything that no model was trained on."""
    drawn = {
        name: torch.from_numpy(np.stack([draw(np.random.default_rng([7, number, i])) for i in range(count)]))
        for number, (name, draw) in enumerate(DRAWN.items())
    }
    return {env_id: pictures(env_id, count) for env_id in FOREIGN} | drawn


def own(name: str, encoder: OpenClipEncoder, domain: Domain, count: int) -> Shares:
    """The shares outside of the model's own frames."""
    config = shipped(name)
    frames, states = load_or_draw(config, lambda scene: count, config.seed + 2)
    outside = domain.outside(encoder.embed_frames(frames)).split([len(part) for part in states])
    shares = {"random states, all scenes": float(torch.cat(outside).float().mean())}
    shares |= {
        f"random states, {part.scene.name}": float(each.float().mean())
        for part, each in zip(states, outside, strict=True)
    }
    seen: set[str] = set()
    for number, task in enumerate(own_tasks(config)):
        if task.name.split("/")[0] not in seen:
            shown = encoder.embed_frames(task_frames(task, config, seed=1000 + number))
            shares[f"episodes and sweep of {task.name}"] = domain.share_outside(shown)
            seen.add(task.name.split("/")[0])
    return shares


def page(own_shares: Mapping[str, Shares], bodies: Mapping[str, Shares], strange: Mapping[str, Shares]) -> str:
    """The tables, and what of the aims was reached."""
    lines = [
        "# Where the built-in models are at home",
        "",
        "Made by `python experiments/domain.py`: the share of frames that a model reports as outside. A warning comes",
        "where more than half of the last 300 frames are. The regions are fitted by `scripts/builtin_domain.py` to own",
        "frames alone, so that 98 % of each scene's count as inside. That each scene has a covariance and a border of",
        "its own, and the 98 %, were chosen with such tables in view; the regions never saw a foreign frame.",
        "",
        "## Own frames, which should be inside",
        "",
        *_table(own_shares),
        "",
        "## What no model was trained on, which should be outside",
        "",
        *_table(strange),
        "",
        "## Own bodies from Gymnasium's own cameras",
        "",
        "The models were trained on them from other places, from which the catalogue's tasks look. `sim-s` knows none.",
        "",
        *_table(bodies),
        "",
        "## Aims",
        "",
    ]
    for name in MODELS:
        inside = own_shares[name]["random states, all scenes"]
        above = [other for other, share in own_shares[name].items() if share > AIM_OWN]
        missed = [f"{other} ({share:.0%})" for other, share in strange[name].items() if share < AIM_FOREIGN]
        lines += [
            f"- `{name}`: {1 - inside:.1%} of all own random states are inside (aim 95 %)"
            + (f"; less of {', '.join(above)}." if above else ", and 95 % of those of every scene and task."),
            f"  {len(strange[name]) - len(missed)} of {len(strange[name])} foreign worlds are at least 90 % outside"
            + (f"; not {', '.join(missed)}." if missed else "."),
        ]
    return "\n".join(lines) + "\n"


def _table(shares: Mapping[str, Shares]) -> list[str]:
    rows = dict.fromkeys(row for model in MODELS for row in shares[model])
    lines = ["| frames | " + " | ".join(MODELS) + " |", "|---|---|---|---|"]
    for row in rows:
        cells = [f"{shares[model][row]:.1%}" if row in shares[model] else "" for model in MODELS]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return lines


def main(args: Args) -> None:
    """Draw, look, write the page."""
    strange, bodies = foreign(args.frames), {env_id: pictures(env_id, args.frames) for env_id in OWN_BODIES}
    own_shares, of_bodies, of_strange = {}, {}, {}
    for name in MODELS:
        encoder, domain = OpenClipEncoder.load(name), Domain.load(BUILTIN_FOLDER / name)
        own_shares[name] = own(name, encoder, domain, args.random_frames)
        of_strange[name] = {key: domain.share_outside(encoder.embed_frames(part)) for key, part in strange.items()}
        of_bodies[name] = {key: domain.share_outside(encoder.embed_frames(part)) for key, part in bodies.items()}
        print(name, own_shares[name], of_strange[name], flush=True)
    (args.out / "domain.md").write_text(page(own_shares, of_bodies, of_strange), encoding="utf-8")


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
