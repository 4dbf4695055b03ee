#!/usr/bin/env python
"""Train a built-in model: a small CLIP on pictures of our own environments and sentences made from their state.

    python scripts/train_builtin.py sim-m      # or sim-xs, sim-s
    python scripts/train_builtin.py sim-s-all --out runs/sizes      # between the two, for a curve of sizes
    python scripts/train_builtin.py sim-h-near --out runs/builtin   # of the humanoid alone, with states that agents met
    python scripts/train_builtin.py sim-h --out runs/builtin        # begins as that one, with exploits of it as well
    python scripts/train_builtin.py sim-m --help

Killed or stopped, the same command goes on where the last checkpoint was written. The result is a folder in OpenCLIP's
own format under vlmrm/encoders/builtin; scripts/describe_builtin.py measures it and writes its README.

First the text tower learns what the sentences mean, from states and without pictures; then the vision tower learns to
see it (builtin_supervision.py). The loss of both is CLIP's with soft targets: the log-truth of every sentence for every
picture of a batch is known from the simulator's state, and each picture's (sentence's) similarities are drawn towards
the softmax of its row (column). Each scene of a batch is a block of its own as well, so that states are told apart and
not only scenes, and so is each pair of scenes: a sentence about one scene says nothing of the states of another, and
one about an animal on a meadow says nothing of any.
"""

import math
import os
import time
from pathlib import Path

import torch
import tyro
from builtin_batches import Batches, CompactVocabulary
from builtin_domain import fit_domain
from builtin_export import export
from builtin_frames import load_or_draw
from builtin_learning import Muon, Progress, descend, schedule, set_rate, soft_clip_loss
from builtin_sizes import SIZES, Config
from builtin_supervision import Heads, StateEncoder, places, state_features
from builtin_visited import with_visited
from safetensors.torch import load_file
from torch import Tensor
from vlmrm_envs.scenes import find_scene
from vlmrm_envs.scenes.scene import SceneStates

from vlmrm.encoders.cards import BUILTIN_FOLDER, WEIGHTS_FILE
from vlmrm.encoders.open_clip.torchvision_mend import import_open_clip
from vlmrm.frames.preprocessing import Preprocessing

TEACHER_WEIGHT, STATE_WEIGHT, PLACE_WEIGHT = 20.0, 5.0, 2.0  # beside the contrastive loss, which is near 15
SAVE_EVERY = 250  # steps


class Training:
    """A model, what it is trained on, and the state of its training."""

    def __init__(self, config: Config, states: list[SceneStates], batches: Batches) -> None:
        open_clip = import_open_clip()
        torch.manual_seed(config.seed)
        self.config, self.batches = config, batches
        self.halved = bool(torch.cpu.get_capabilities().get("avx512_bf16"))  # without the flag bf16 is slower
        self.model = open_clip.CLIP(**config.model(), output_dict=False)
        if config.start_from is not None:
            begun = load_file(begun_with(config) / WEIGHTS_FILE)
            missing, _ = self.model.load_state_dict(begun, strict=False)
            assert set(missing) <= {"attn_mask"}, missing
        self.vocabulary = CompactVocabulary(open_clip.SimpleTokenizer(context_length=32), batches.vocabulary())
        self.vocabulary.shrink(self.model)
        self.model.to(memory_format=torch.channels_last)
        self.features = {part.scene.name: state_features(part) for part in states}
        self.places = {part.scene.name: places(part, config.size_px // 8) for part in states}
        self.teacher = StateEncoder(self.features, config.embed_dim)
        parts = {scene: cells.shape[1] for scene, (cells, _) in self.places.items()}
        self.heads = Heads(self.features, parts, dim=config.embed_dim, channels=16 * config.width)
        self.stage: dict[str, Tensor] = {}
        self.model.visual.layer3.register_forward_hook(lambda module, given, out: self.stage.update(out=out))
        print(f"{'bf16' if self.halved else 'fp32'} on {torch.get_num_threads()} threads", flush=True)

    def by_scene(self, values: Tensor) -> dict[str, Tensor]:
        """The rows of a batch, scene by scene."""
        return dict(zip(self.config.scenes, values.split(list(self.batches.pictures)), strict=True))

    def rows(self, index: Tensor) -> dict[str, Tensor]:
        """Where the pictures of a batch are among those of their scene."""
        first, rows = 0, {}
        for scene, part in self.by_scene(index).items():
            rows[scene] = part - first
            first += len(self.features[scene])
        return rows

    def said(self, texts: list[str]) -> Tensor:
        """Embeddings of sentences."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.halved):
            embeddings: Tensor = self.model.encode_text(self.vocabulary(texts), normalize=True)
        return embeddings.float()

    def loss(self, seen: Tensor, said: Tensor, truth: Tensor) -> Tensor:
        """The contrastive one."""
        logits = self.model.logit_scale.exp() * seen @ said.T
        return soft_clip_loss(logits, truth, self.batches.pictures, self.batches.sentences)


def begun_with(config: Config) -> Path:
    """The folder of the model whose weights training begins with."""
    for folder in (config.out, BUILTIN_FOLDER):
        if (folder / str(config.start_from) / WEIGHTS_FILE).is_file():
            return folder / str(config.start_from)
    raise SystemExit(
        f"{config.name} begins with the weights of {config.start_from}, which is neither in {config.out} nor built in. "
        f"Train that one first, with the same --out."
    )


def learn_sentences(training: Training) -> None:
    """Text tower and teacher, from states alone."""
    config, model = training.config, training.model
    text = [p for name, p in model.named_parameters() if not name.startswith("visual.")]
    parameters = [*text, *training.teacher.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=0.01)
    progress = Progress("sentences", 0, config.sentence_steps)
    for step in progress:
        set_rate(optimiser, config.learning_rate * schedule(step, config.sentence_steps, config.warmup))
        index, sentences, truth = training.batches.draw(step)
        chance = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        states = {
            scene: part + 0.03 * torch.randn(part.shape, generator=chance)
            for scene, part in chosen(training.features, training.rows(torch.from_numpy(index))).items()
        }
        loss = training.loss(training.teacher(states), training.said([s.text for s in sentences]), truth)
        descend(loss, parameters, [optimiser])
        with torch.no_grad():
            model.logit_scale.clamp_(max=math.log(40))
        progress.report(step, f"loss {loss.item():.3f}  scale {model.logit_scale.exp().item():.1f}")


def learn_pictures(training: Training, frames: Tensor, path: Path) -> float:
    """The vision tower; returns the minutes it took in all."""
    config, model = training.config, training.model
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("visual."))
    vision = dict(model.visual.named_parameters())
    matrices = [p for name, p in vision.items() if p.ndim >= 2 and "positional" not in name]
    others = [p for name, p in vision.items() if p.ndim < 2 or "positional" in name]
    rates = {
        Muon(matrices, lr=config.muon_learning_rate, dtype=torch.bfloat16 if training.halved else torch.float32): (
            config.muon_learning_rate
        ),
        torch.optim.AdamW(
            [
                {"params": others, "weight_decay": 0.0},
                {"params": list(training.heads.parameters()), "weight_decay": config.weight_decay},
            ]
        ): config.learning_rate,
    }
    parameters = [*matrices, *others, *training.heads.parameters()]
    first, minutes = load(path, training, list(rates))
    with torch.no_grad():
        taught = {scene: training.teacher({scene: part}) for scene, part in training.features.items()}
    preprocessing, since = config.preprocessing(), time.time()
    progress = Progress("pictures", first, config.steps)
    for step in progress:
        for optimiser, rate in rates.items():
            set_rate(optimiser, rate * schedule(step, config.steps, config.warmup))
        index, sentences, truth = training.batches.draw(config.sentence_steps + step)
        rows = training.rows(torch.from_numpy(index))
        chance = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
        pixels = augment(frames[index], preprocessing, chance)
        with torch.no_grad():
            said = training.said([s.text for s in sentences])
        with torch.autocast("cpu", torch.bfloat16, enabled=training.halved):
            seen = model.encode_image(pixels, normalize=True).float()
            where = {scene: (cells[rows[scene]], on[rows[scene]]) for scene, (cells, on) in training.places.items()}
            place = training.heads.place_loss(training.by_scene(training.stage["out"]), where)
        state = training.heads.state_loss(training.by_scene(seen), chosen(training.features, rows))
        likeness = (seen * torch.cat(list(chosen(taught, rows).values()))).sum(dim=1).mean()
        contrast = training.loss(seen, said, truth)
        loss = contrast + TEACHER_WEIGHT * (1 - likeness) + STATE_WEIGHT * state + PLACE_WEIGHT * place
        descend(loss, parameters, list(rates))
        progress.report(
            step,
            f"loss {contrast.item():.3f}  like the teacher {likeness.item():.3f}  state {state.item():.3f}  "
            f"place {place.item():.2f}",
        )
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == config.steps:
            minutes, since = minutes + (time.time() - since) / 60, time.time()
            save(path, training, list(rates), step + 1, minutes)
    return minutes


def chosen(values: dict[str, Tensor], rows: dict[str, Tensor]) -> dict[str, Tensor]:
    """Some rows of every scene."""
    return {scene: part[rows[scene]] for scene, part in values.items()}


def augment(frames: Tensor, preprocessing: Preprocessing, generator: torch.Generator) -> Tensor:
    """Normalised pixels with a little other light and noise."""
    pixels = preprocessing.normalise(frames)
    gain = 1 + 0.08 * torch.randn(len(pixels), 1, 1, 1, generator=generator)
    light = 0.05 * torch.randn(len(pixels), 3, 1, 1, generator=generator)
    noisy = pixels * gain + light + 0.02 * torch.randn(pixels.shape, generator=generator)
    return noisy.clamp(-1, 1).contiguous(memory_format=torch.channels_last)  # twice as fast as channels first


def save(path: Path, training: Training, optimisers: list[torch.optim.Optimizer], step: int, minutes: float) -> None:
    """Write everything that going on needs; the file is whole or not there."""
    kept = {
        "config": training.config.identity(),
        "step": step,
        "minutes": minutes,
        "model": training.model.state_dict(),
        "teacher": training.teacher.state_dict(),
        "heads": training.heads.state_dict(),
        "optimisers": [optimiser.state_dict() for optimiser in optimisers],
    }
    torch.save(kept, path.with_suffix(".part"))
    os.replace(path.with_suffix(".part"), path)


def load(path: Path, training: Training, optimisers: list[torch.optim.Optimizer]) -> tuple[int, float]:
    """Go on from a file: the step and the minutes it took so far."""
    kept = torch.load(path, weights_only=True)
    if kept["config"] != training.config.identity():
        raise SystemExit(f"{path} was written with other settings; delete it to start anew.")
    training.model.load_state_dict(kept["model"])
    training.teacher.load_state_dict(kept["teacher"])
    training.heads.load_state_dict(kept["heads"])
    for optimiser, state in zip(optimisers, kept["optimisers"], strict=False):  # none before the first picture
        optimiser.load_state_dict(state)
    return kept["step"], kept["minutes"]


def main(config: Config) -> None:
    """Draw, train, export."""
    shares = [config.share(scene) for scene in config.scenes]
    frames, states = load_or_draw(config, lambda scene: config.frames * config.share(scene), config.seed)
    if config.visited:
        frames, states = with_visited(config, frames, states)
    batches = Batches(
        states,
        pictures=[config.pictures * share for share in shares],
        sentences=[config.sentences * share for share in shares],
        seed=config.seed,
        nonsense=config.nonsense,
    )
    training, path = Training(config, states, batches), config.work / f"{config.name}-checkpoint.pt"
    if not path.is_file():
        begun = time.time()
        learn_sentences(training)
        save(path, training, [], 0, (time.time() - begun) / 60)
    minutes = learn_pictures(training, frames, path)
    card = {
        "description": "A small CLIP of simulated scenes, trained by vlmrm.",
        "knows": [find_scene(scene).title for scene in config.scenes],
        "training": config.identity()
        | {
            "threads": torch.get_num_threads(),
            "minutes": round(minutes, 1),
            "kept_away_from": batches.kept_away_from,
        },
    }
    weights = {name: value.detach() for name, value in training.model.eval().state_dict().items()}
    folder = export(config, training.vocabulary.grow(weights, 49408), card)
    fit_domain(config, folder, batches.words())
    for file in folder.iterdir():
        file.chmod(0o644)  # safetensors writes files that only their owner can read
    print(f"wrote {folder} after {minutes:.0f} minutes of training")


if __name__ == "__main__":
    models = {name: (f"{size.size_px} px, width {size.width}", size) for name, size in SIZES.items()}
    main(tyro.extras.overridable_config_cli(models, description=__doc__))
