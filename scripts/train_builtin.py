#!/usr/bin/env python
"""Train a built-in model: a small CLIP on pictures of our own environments and sentences made from their state.

    python scripts/train_builtin.py            # sim-s, about 25 minutes on 2 cores
    python scripts/train_builtin.py --help

Killed or stopped, the same command goes on where the last checkpoint was written. The result is a folder in OpenCLIP's
own format under vlmrm/encoders/builtin; scripts/describe_builtin.py measures it and writes its README.

The loss is CLIP's with soft targets: the log-truth of every sentence for every picture of a batch is known from the
simulator's state, and each picture's (sentence's) similarities are drawn towards the softmax of its row (column). Each
scene of a batch is a block of its own as well, so that states are told apart and not only scenes, and so is each pair
of scenes, so that a sentence about one scene says nothing of the states of another.
"""

import json
import math
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from builtin_batches import Batches, CompactVocabulary
from safetensors.torch import save_file
from torch import Tensor, nn

from envs.scenes import CLASSIC, random_pictures
from envs.states import SceneStates
from vlmrm.encoders.domain import Domain
from vlmrm.encoders.open_clip import OpenClipEncoder
from vlmrm.encoders.preprocessing import Preprocessing
from vlmrm.encoders.torchvision_mend import import_open_clip

REPOSITORY = Path(__file__).resolve().parent.parent
PREPROCESSING = Preprocessing(
    size_px=96, mean=(0.5,) * 3, std=(0.5,) * 3, resize_mode="squash", interpolation="bicubic"
)


@dataclass(frozen=True, kw_only=True)
class Config:
    """What decides the weights, and where they are kept."""

    name: str = "sim-s"
    """Of the model."""
    scenes: tuple[str, ...] = CLASSIC
    """What it learns about."""
    width: int = 16
    """Of the vision tower's first layers, a ResNet with OpenCLIP's attention pool."""
    frames: int = 10_000
    """Per scene."""
    pictures: int = 64
    """A step, the same number of each scene."""
    sentences: int = 64
    """A step, the same number about each scene."""
    steps: int = 6_000
    """Updates."""
    learning_rate: float = 1e-3
    """At its peak, after `warmup` steps; then a cosine to 0."""
    warmup: int = 300
    """Steps."""
    weight_decay: float = 0.05
    """Of AdamW."""
    averaging: float = 0.998
    """Of the weights over the steps; the average is what is kept."""
    seed: int = 0
    """Decides everything."""
    work: Path = REPOSITORY / "cache"
    """Frames and checkpoints."""
    out: Path = REPOSITORY / "vlmrm" / "encoders" / "builtin"
    """The model's folder is made in here."""


def model_config(config: Config) -> dict[str, Any]:
    """As OpenCLIP reads it."""
    return {
        "embed_dim": 128,
        "vision_cfg": {"image_size": 96, "layers": [1, 1, 1, 1], "width": config.width, "head_width": 32},
        "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2},
    }


def draw(path: Path, scene: str, count: int, seed: int) -> None:
    """Draw the frames of one scene into a file, unless they are there."""
    if path.is_file():
        return
    torch.set_num_threads(1)
    started = time.time()
    frames, states = random_pictures(scene, count, seed=seed, preprocessing=PREPROCESSING)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part.npz")
    np.savez(aside, frames=frames, **{f"state_{k}": v for k, v in states.columns.items()})
    aside.rename(path)
    print(f"drew {count} frames of {scene} in {time.time() - started:.0f} s", flush=True)


def load_or_draw(work: Path, scenes: Sequence[str], count: int, seed: int) -> tuple[Tensor, list[SceneStates]]:
    """Frames of some scenes with their states, scene after scene, drawn once and kept."""
    paths = [work / f"frames-{scene}-{count}-{seed}.npz" for scene in scenes]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(draw, paths, scenes, [count] * len(scenes), [seed] * len(scenes)))
    frames, states = [], []
    for scene, path in zip(scenes, paths, strict=True):
        with np.load(path, allow_pickle=False) as kept:
            frames.append(torch.from_numpy(kept["frames"]))
            columns = {key.removeprefix("state_"): kept[key] for key in kept.files if key.startswith("state_")}
        states.append(SceneStates(scene, columns))
    return torch.cat(frames), states


def soft_clip_loss(logits: Tensor, log_truth: Tensor, blocks: int) -> Tensor:
    """Cross-entropy with soft targets, both ways: over the whole batch, and over each scene's pictures and sentences.

    The blocks of one scene's pictures and another's sentences have even targets: a sentence about another scene must
    not prefer one state to another, or it would train an agent on something that it does not say.

    Args:
        logits: Scaled cosines (n, k).
        log_truth: Log-truth of sentence k for picture n.
        blocks: Number of scenes; pictures and sentences are sorted by scene.
    """
    shape = (blocks, logits.shape[0] // blocks, blocks, logits.shape[1] // blocks)
    by_scene = [x.reshape(shape).transpose(1, 2) for x in (logits, log_truth)]  # scene, scene, n, k
    same = torch.eye(blocks, dtype=torch.bool)
    within = _both_ways(*(x[same] for x in by_scene))
    across = _both_ways(*(x[~same] for x in by_scene))
    return _both_ways(logits, log_truth) + within + across


def _both_ways(logits: Tensor, log_truth: Tensor) -> Tensor:
    return _one_way(logits, log_truth) + _one_way(logits.mT, log_truth.mT)


def _one_way(logits: Tensor, log_truth: Tensor) -> Tensor:
    return -(log_truth.softmax(dim=-1) * logits.log_softmax(dim=-1)).sum(dim=-1).mean()


def augment(frames: Tensor, generator: torch.Generator) -> Tensor:
    """Normalised pixels with a little other light and noise."""
    pixels = PREPROCESSING.normalise(frames)
    gain = 1 + 0.08 * torch.randn(len(pixels), 1, 1, 1, generator=generator)
    light = 0.05 * torch.randn(len(pixels), 3, 1, 1, generator=generator)
    return (pixels * gain + light + 0.02 * torch.randn(pixels.shape, generator=generator)).clamp(-1, 1)


def learning_rate(config: Config, step: int) -> float:
    """Linear warm-up, then a cosine to 0."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    return (
        config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - config.warmup) / (config.steps - config.warmup)))
    )


def train(config: Config, frames: Tensor, batches: Batches) -> tuple[dict[str, Tensor], float, CompactVocabulary]:
    """The averaged weights, the seconds it took in all, and the vocabulary they are for."""
    open_clip = import_open_clip()
    halved = bool(torch.cpu.get_capabilities().get("avx512_bf16"))  # without the flag bf16 is slower, not faster
    print(f"{'bf16' if halved else 'fp32'} on {torch.get_num_threads()} threads", flush=True)
    torch.manual_seed(config.seed)
    model = open_clip.CLIP(**model_config(config), output_dict=False)
    vocabulary = CompactVocabulary(open_clip.SimpleTokenizer(context_length=32), batches.sentences())
    vocabulary.shrink(model)
    optimiser = torch.optim.AdamW(_groups(model, config.weight_decay), lr=config.learning_rate, betas=(0.9, 0.98))
    average = {name: value.detach().clone() for name, value in model.state_dict().items()}
    step, seconds, path = 0, 0.0, config.work / f"{config.name}-checkpoint.pt"
    if path.is_file():
        kept = torch.load(path, weights_only=True)
        if kept["config"] != _identity(config):
            raise SystemExit(f"{path} was written with other settings; delete it to start anew.")
        model.load_state_dict(kept["model"])
        optimiser.load_state_dict(kept["optimiser"])
        average, step, seconds = kept["average"], kept["step"], kept["seconds"]
        print(f"going on at step {step}", flush=True)
    last, started = time.time(), step
    begun = time.time()
    while step < config.steps:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(config, step)
        index, sentences, truth = batches.draw(step)
        pixels = augment(frames[index], torch.Generator().manual_seed(config.seed * 1_000_003 + step))
        with torch.autocast("cpu", torch.bfloat16, enabled=halved):
            seen = model.encode_image(pixels, normalize=True)
            said = model.encode_text(vocabulary([s.text for s in sentences]), normalize=True)
        loss = soft_clip_loss(model.logit_scale.exp() * seen.float() @ said.float().T, truth, len(config.scenes))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            model.logit_scale.clamp_(max=math.log(40))
            decay = min(config.averaging, (step + 1) / (step + 10))
            for name, value in model.state_dict().items():
                if value.is_floating_point():
                    average[name].lerp_(value, 1 - decay)
        step += 1
        if step % 50 == 0:
            rate = (step - started) / (time.time() - begun)
            left = (config.steps - step) / rate / 60
            print(
                f"step {step}/{config.steps}  loss {loss.item():.3f}  scale {model.logit_scale.exp().item():.1f}  "
                f"{rate * config.pictures:.0f} frames/s  {left:.0f} min left",
                flush=True,
            )
        if step % 250 == 0 or step == config.steps:
            seconds, last = seconds + time.time() - last, time.time()
            state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "average": average}
            torch.save(
                state | {"step": step, "seconds": seconds, "config": _identity(config)}, path.with_suffix(".part")
            )
            os.replace(path.with_suffix(".part"), path)
    model.load_state_dict(average)
    settle_batch_norm(model, frames, batches, config)
    return dict(model.state_dict()), seconds, vocabulary


@torch.no_grad()
def settle_batch_norm(model: nn.Module, frames: Tensor, batches: Batches, config: Config) -> None:
    """Measure the batch statistics anew, for the averaged weights."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    model.train()
    for step in range(100):
        index, _, _ = batches.draw(config.steps + step)
        model.encode_image(augment(frames[index], torch.Generator().manual_seed(step)))
    model.eval()


def _groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Weight decay on matrices alone."""
    matrices = [p for n, p in model.named_parameters() if p.ndim >= 2 and "embedding" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim < 2 or "embedding" in n]
    return [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def _identity(config: Config) -> dict[str, Any]:
    """The settings that decide the weights."""
    return {key: value for key, value in asdict(config).items() if key not in ("work", "out")}


def export(config: Config, weights: dict[str, Tensor], card: dict[str, Any]) -> Path:
    """Write the model's folder in OpenCLIP's format, weights in fp16."""
    folder = config.out / config.name
    folder.mkdir(parents=True, exist_ok=True)
    preprocess = asdict(PREPROCESSING)
    preprocess.pop("size_px")
    settings = {"model_cfg": model_config(config), "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    halves = {
        k: (v.half() if v.is_floating_point() else v).contiguous() for k, v in weights.items() if k != "attn_mask"
    }
    save_file(halves, folder / "open_clip_model.safetensors")
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n")
    return folder


def fit_domain(config: Config, folder: Path, words: list[str]) -> None:
    """Learn where the model is at home, from frames it was not trained on."""
    frames, states = load_or_draw(config.work, config.scenes, 500, config.seed + 1)
    scene = torch.cat([torch.full((len(part),), i) for i, part in enumerate(states)])
    order = torch.from_numpy(np.random.default_rng(config.seed).permutation(len(frames)))
    embeddings = OpenClipEncoder.load(f"local-dir:{folder}").embed_frames(frames)[order]
    Domain.fit(embeddings, scene[order], words=words).save(folder)


def main(config: Config) -> None:
    """Draw, train, export."""
    frames, states = load_or_draw(config.work, config.scenes, config.frames, config.seed)
    batches = Batches(states, pictures=config.pictures, sentences=config.sentences, seed=config.seed)
    weights, seconds, vocabulary = train(config, frames, batches)
    card = {
        "description": "A small CLIP of Gymnasium's four classic-control scenes, trained by vlmrm.",
        "knows": ["CartPole", "MountainCar (vlmrm's own drawing)", "Pendulum", "Acrobot"],
        "words": batches.words(),
        "training": _identity(config)
        | {
            "threads": torch.get_num_threads(),
            "minutes": round(seconds / 60, 1),
            "possible_sentences": len(batches.sentences()),
        },
    }
    folder = export(config, vocabulary.grow(weights, 49408), card)
    fit_domain(config, folder, batches.words())
    for path in folder.iterdir():
        path.chmod(0o644)  # safetensors writes files that only their owner can read
    print(f"wrote {folder} after {seconds / 60:.0f} minutes of training")


if __name__ == "__main__":
    main(tyro.cli(Config, description=__doc__))
