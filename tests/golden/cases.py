"""Rewards whose numbers are frozen: one for each head, transform and way over time, on several encoders.

`rewards.json` holds the numbers, of pictures that are drawn here. `python -m tests.golden.cases` adds
those of new cases and leaves the others. Delete the numbers of a reward only where it was meant to change, as when a
built-in model has been retrained.
"""

import functools
import json
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tests.toys import ColourClipEncoder, ColourEncoder
from vlmrm import PromptSet, RewardModel, RewardSpec
from vlmrm.encoders import load_encoder
from vlmrm.fitting import calibrate, fit, fit_uncertainty, standardize
from vlmrm.rewards.heads.cocoop import ConditionalPrompts
from vlmrm.tables import write_table

NUMBERS = Path(__file__).parent / "rewards.json"
COUNT = 12
CART = PromptSet(
    ["pole vertically upright on top of the cart", "a pole standing straight up"],
    ["pole and cart"],
    ["pole lying to the left of the cart", "pole hanging straight down"],
)
COLOURS = PromptSet(["red", "grey"], ["black"], ["green", "blue"])
_TOYS: Mapping[str, Callable[[], Any]] = {"colour": ColourEncoder, "colour-clips": ColourClipEncoder}

Fit = Callable[[RewardModel, Tensor, Path], RewardModel]


@functools.cache
def encoder_of(name: str) -> Any:
    """One encoder for all of its cases."""
    return _TOYS[name]() if name in _TOYS else load_encoder(name)


def pictures(side: int) -> Tensor:
    """A bar that tilts over a block, on paper that changes its colour; always the same."""
    generator = torch.Generator().manual_seed(7)
    paper = torch.randint(120, 256, (COUNT, 1, 1, 3), generator=generator, dtype=torch.uint8)
    frames = paper.expand(COUNT, side, side, 3).clone()
    unit = side // 8
    for step, frame in enumerate(frames):
        frame[6 * unit : 7 * unit, 2 * unit : 6 * unit] = torch.tensor([20, 20, 20], dtype=torch.uint8)
        for up in range(6 * unit):
            left = 4 * unit + (step - COUNT // 2) * up // COUNT
            frame[6 * unit - 1 - up, left : left + unit] = torch.tensor([200, 120, 60], dtype=torch.uint8)
    return frames


class BrightnessJudge:
    """Half the mean brightness of a frame, 0 to 0.5."""

    def probabilities(self, frames: Tensor) -> Tensor:
        return frames.float().mean(dim=(1, 2, 3)) / 510


def _labelled(method: str, **options: Any) -> Fit:
    rows, labels = [0, 1, 5, 6, 10, 11], [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    return lambda reward, frames, _: fit(reward, frames[rows], labels, method=method, options=options)


def _posterior(kappa: float) -> Fit:
    return lambda reward, frames, folder: fit_uncertainty(reward, frames, folder / "p.safetensors", kappa=kappa)


def _conditional(reward: RewardModel, frames: Tensor, folder: Path) -> RewardModel:
    prompts = ConditionalPrompts(reward.encoder, reward.spec.prompts, count=3)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in prompts.trained:
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    options = {"learned": prompts.to_text(), "fingerprint": reward.encoder.fingerprint}
    return reward.with_spec(replace(reward.spec, head="cocoop", options=options))


def _part(weight: float, **said: Any) -> dict[str, Any]:
    return {"weight": weight, **said}


HEADS: Mapping[str, dict[str, Any]] = {
    "projection alpha 0": {"alpha": 0.0},
    "projection": {"alpha": 0.5},
    "projection alpha 1": {"alpha": 1.0},
    "projection no baseline": {"prompts": {"goal": "GOAL"}},
    "softmax": {"head": "softmax"},
    "softmax temperature": {"head": "softmax", "options": {"temperature": 0.1}},
    "contrast": {"head": "contrast"},
    "sigmoid": {"head": "sigmoid", "options": {"scale": 10, "bias": -5.0}},
    "auto_clip": {"head": "auto_clip", "options": {"templates": ["{}", "a photo of {}", "a rendering of {}"]}},
    "ensemble": {
        "head": "ensemble",
        "options": {
            "parts": [
                _part(0.25, alpha=0.0, scaling={"subtract": 0.1, "divide": 0.5}),
                _part(0.75, head="contrast", threshold=0.0),
            ]
        },
    },
}
"""What a spec says beyond encoder and prompts."""
LAYERS: Mapping[str, dict[str, Any]] = {
    "scaling": {"scaling": {"subtract": 0.5, "divide": 0.3, "lowest": 0.1, "highest": 1.55}},
    "threshold": {"head": "contrast", "threshold": 0.1},
    "uncertainty prompts": {"uncertainty": {"ensemble": "prompts", "kappa": 0.5}},
    "judge": {"head": "contrast", "judge": {"model": "m", "question": "Is it?", "above": 0.1, "bonus": 2.0}},
    "judge scaled threshold": {
        "head": "contrast",
        "judge": {"model": "m", "question": "Is it?", "above": 0.1},
        "scaling": {"subtract": 0.1, "divide": 0.5},
        "threshold": 0.7,
    },
    "views": {"views": {"scales": [1.0, 0.5]}},
    "views corners": {"views": {"scales": [0.5], "positions": "corners"}},
    "uncertainty views": {"views": {"scales": [1.0, 0.5]}, "uncertainty": {"ensemble": "views", "kappa": 1.0}},
    "difference": {"over_time": {"kind": "difference"}},
    "shaping": {"over_time": {"kind": "shaping", "gamma": 0.9}},
    "shaping softmax scaled": {
        "head": "softmax",
        "scaling": {"subtract": 0.2, "divide": 0.5},
        "over_time": {"kind": "shaping", "gamma": 0.95},
    },
    "window": {"over_time": {"kind": "window", "length": 3}},
    "window scaled threshold": {
        "head": "contrast",
        "scaling": {"divide": 0.5},
        "threshold": 0.3,
        "over_time": {"kind": "window", "length": 4},
    },
    "milestones": {"over_time": {"kind": "milestones"}},
    "milestones options": {
        "over_time": {"kind": "milestones", "threshold": 0.4, "temperature": 0.2, "hold": 2, "share": 0.3},
    },
}
ONE_ENCODER: Mapping[str, dict[str, dict[str, Any]]] = {
    "sim-s": {
        "factored": {
            "head": "factored",
            "prompts": {"goal": "a {part} {state}"},
            "options": {"factors": {"part": ["pole", "cart"], "state": ["standing straight up", "hanging down"]}},
        },
        "views attention": {"views": {"scales": [1.0, 0.6], "positions": "attention"}},
    },
    "colour-clips": {
        "clip": {"over_time": {"kind": "clip"}},
        "clip every 2": {"head": "contrast", "over_time": {"kind": "clip", "every": 2}, "scaling": {"subtract": 0.1}},
    },
    "0.25*sim-xs + 0.75*sim-s": {
        "projection": {},
        "uncertainty encoders": {"head": "softmax", "uncertainty": {"ensemble": "encoders", "kappa": 1.0}},
    },
}
FITS: Mapping[str, tuple[dict[str, Any], Fit]] = {
    "proker": ({}, _labelled("proker")),
    "tip_adapter": ({"head": "softmax"}, _labelled("tip_adapter", alpha=0.5)),
    "prototypes": ({}, _labelled("prototypes", share=0.3)),
    "goal_pictures": ({}, _labelled("goal_pictures")),
    "standardized ensemble": (HEADS["ensemble"], lambda reward, frames, _: standardize(reward, frames)),
    "standardized": ({}, lambda reward, frames, _: standardize(reward, frames)),
    "calibrated": ({"head": "softmax"}, lambda reward, frames, _: calibrate(reward, frames, false_positives=0.25)),
}
SIM_FITS: Mapping[str, tuple[dict[str, Any], Fit]] = {
    "posterior": ({}, _posterior(0.0)),
    "posterior kappa": ({"head": "softmax"}, _posterior(1.0)),
    "cocoop": ({"alpha": 0.3}, _conditional),
}


def cases() -> dict[str, tuple[str, dict[str, Any], Fit | None]]:
    """Encoder, what the spec says, and what is fitted, by a name for each."""
    found: dict[str, tuple[str, dict[str, Any], Fit | None]] = {}
    for encoder in ("colour", "sim-s"):
        plain = {**HEADS, **LAYERS}
        if encoder == "colour":
            plain = {name: said for name, said in plain.items() if name != "auto_clip"}  # it reads one word only
        found |= {f"{encoder}: {name}": (encoder, said, None) for name, said in plain.items()}
        found |= {f"{encoder}: {name}": (encoder, *fitted) for name, fitted in FITS.items()}
    found |= {f"sim-s: {name}": ("sim-s", *fitted) for name, fitted in SIM_FITS.items()}
    for encoder, specs in ONE_ENCODER.items():
        found |= {f"{encoder}: {name}": (encoder, said, None) for name, said in specs.items()}
    return found


def rewards_of(name: str) -> dict[str, list[float]]:
    """The numbers of one case: of frames, of an episode that ends either way, of a stream, and deviations."""
    encoder, said, fit = cases()[name]
    prompts = CART if "sim" in encoder else COLOURS
    written = dict(said)
    if "prompts" in written:
        goal = written.pop("prompts")["goal"]
        prompts = PromptSet(prompts.goal[0] if goal == "GOAL" else goal)
    spec = RewardSpec.from_dict({"encoder": encoder, "prompts": write_table(prompts), **written})
    frames = pictures(96 if "sim" in encoder else 32)
    judge = BrightnessJudge() if spec.judge is not None else None
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no model was trained on these pictures
        reward = RewardModel(encoder_of(encoder), spec, judge)
        if fit is not None:
            reward = fit(reward, frames, Path(folder))
        return _numbers(reward, frames)


def _numbers(reward: RewardModel, frames: Tensor) -> dict[str, list[float]]:
    found: dict[str, Tensor] = {}
    if reward.spec.over_time is None:
        found["frames"] = reward.score(frames)
        if reward.spec.uncertainty is not None:
            found["std"] = reward.score_with_std(frames)[1]
    found["truncated"] = reward.score_episode(frames)
    found["terminated"] = reward.score_episode(frames, terminated=True)
    stream = reward.stream(2)  # the second is one frame ahead
    stream.begin(reward.read(frames[[0, 1]]))
    steps = []
    for step in range(1, COUNT - 1):
        ends = torch.tensor([step == COUNT - 2, step == 3])
        steps.append(stream.step(reward.read(frames[[step, step + 1]]), ends))
        if step == 3:
            stream.begin(reward.read(frames[[4]]), torch.tensor([False, True]))
    found["stream"] = torch.cat(steps)
    return {key: [round(float(value), 8) for value in values] for key, values in found.items()}


if __name__ == "__main__":
    kept = json.loads(NUMBERS.read_text(encoding="utf-8"))
    numbers = {name: kept[name] if name in kept else rewards_of(name) for name in cases()}
    NUMBERS.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
