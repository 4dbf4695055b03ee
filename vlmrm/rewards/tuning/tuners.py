"""`tune`, `learn_prompts`, `learn_conditional_prompts`: from a reward and labelled frames to a better reward.

`RewardModel.fit` calls them.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vlmrm.atomic import whole_folder
from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.open_clip.encoder import OpenClipEncoder
from vlmrm.encoders.open_clip.save import write_model
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.learned_words import add_context
from vlmrm.encoders.towers.low_rank import (
    LowRankChange,
    SingularValueChange,
    Weight,
    WeightChanges,
    attention_weights,
)
from vlmrm.errors import SpecError
from vlmrm.rewards.projection import unit_mean
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.tuning.conditional import ConditionalPrompts
from vlmrm.rewards.tuning.fit import Lesson, descend, ranking_loss
from vlmrm.rewards.tuning.options import (
    ConditionalOptions,
    ContextOptions,
    LowRankOptions,
    SingularValuesOptions,
    TunerOptions,
    method_of,
)
from vlmrm.rewards.tuning.prompts import LearnedPrompts


def tune(
    encoder: Encoder,
    spec: RewardSpec,
    frames: Any,
    labels: Any,
    options: TunerOptions,
    *,
    out: str | Path,
) -> RewardSpec:
    """A reward whose encoder was tuned to rank a handful of labelled frames.

    The tuned model is written as a folder; the encoder that is given stays as it is. Scoring costs the same.

    Args:
        encoder: A model of OpenCLIP.
        spec: Its reward, of any head.
        frames: As `RewardModel.embed` takes them; all are looked at in each step.
        labels: 1 success, 0 failure, or the progress in between, for each frame.
        options: `SingularValuesOptions` or `LowRankOptions`, which say the method as well.
        out: Folder for the tuned model, which must not exist yet.

    Returns:
        The reward of the same sentences with the encoder ``local-dir:OUT``. What belonged to the embeddings or scores
        of the encoder before is left out: few_shot, uncertainty, judge, scaling and threshold.

    Raises:
        SpecError: The folder exists, the labels do not fit or are all the same, or all frames have the same reward.
        EncoderError: The encoder is no model of OpenCLIP or has no attention layers, or training diverged.

    Example:
        >>> import tempfile
        >>> from vlmrm import PromptSet
        >>> from vlmrm.encoders import load_encoder
        >>> up, down = torch.zeros(2, 96, 96, 3, dtype=torch.uint8)
        >>> up[20:60, 46:50] = down[60:90, 46:50] = 255
        >>> spec = RewardSpec(encoder="sim-s", prompts=PromptSet("a white line at the top", "a white line"))
        >>> folder = Path(tempfile.mkdtemp()) / "tuned"
        >>> encoder = load_encoder("sim-s")
        >>> frames = torch.stack([up, down])
        >>> tuned = tune(encoder, spec, frames, [1, 0], SingularValuesOptions(steps=5), out=folder)
        >>> before, after = (reward.build("cpu").score(frames) for reward in (spec, tuned))
        >>> bool(after[0] - after[1] > before[0] - before[1])
        True
    """
    folder = Path(out).expanduser().resolve()
    if folder.exists():
        raise SpecError(f"{folder} exists already. Give another out, where the tuned model will be written.")
    plain = _of_sentences(spec)
    tuned = replace(plain, encoder=f"local-dir:{folder}")
    copied = DifferentiableEncoder(encoder)
    lesson = Lesson.begin(copied, plain, frames, labels)
    changes = WeightChanges(attention_weights(copied.model), _CHANGES[type(options)](options))
    before = _ranking_loss(lesson, copied)
    descend(
        lambda: lesson.loss(copied, copied.embed_frames(lesson.frames), stay=options.stay), changes.trained, options
    )
    changes.merge()
    record = {
        "tuned_from": copied.name,
        "method": method_of(options),
        "options": asdict(options),
        "prompts": plain.prompts.to_dict(),
        "frames": len(lesson.frames),
        "ranking_loss": {"before": before, "after": _ranking_loss(lesson, copied)},
    }
    with whole_folder(folder) as unfinished:
        write_model(unfinished, copied, record)
        OpenClipEncoder.load(f"local-dir:{unfinished}", device="cpu")  # what cannot be read again is not kept
    return tuned


def learn_prompts(
    encoder: Encoder, spec: RewardSpec, frames: Any, labels: Any, options: ContextOptions
) -> LearnedPrompts:
    """Embeddings of goal and baseline that rank a handful of labelled frames better than those of the sentences.

    Args:
        encoder: A model of OpenCLIP.
        spec: Its reward, a projection (or cosine).
        frames: As `RewardModel.embed` takes them.
        labels: 1 success, 0 failure, or the progress in between, for each frame.
        options: How many vectors, and how they are learned.

    Raises:
        SpecError: The head is another, the labels do not fit or are all the same, or all frames have the same reward.
        EncoderError: The encoder is no model of OpenCLIP or has a text tower of another kind, or training diverged.

    Example:
        >>> from vlmrm import PromptSet
        >>> from vlmrm.encoders import load_encoder
        >>> up, down = torch.zeros(2, 96, 96, 3, dtype=torch.uint8)
        >>> up[20:60, 46:50] = down[60:90, 46:50] = 255
        >>> encoder, frames = load_encoder("sim-s"), torch.stack([up, down])
        >>> spec = RewardSpec(encoder="sim-s", prompts=PromptSet("a white line at the top", "a white line"))
        >>> learned = learn_prompts(encoder, spec, frames, [1, 0], ContextOptions(steps=5))
        >>> before, after = spec.build("cpu").score(frames), learned.head(spec.alpha)(encoder.embed_frames(frames))
        >>> bool(after[0] - after[1] > before[0] - before[1])
        True
    """
    plain = _projection_of_sentences(spec)
    copied = DifferentiableEncoder(encoder)
    lesson = Lesson.begin(copied, plain, frames, labels)
    context = add_context(copied, count=options.context)
    descend(lambda: lesson.loss(copied, lesson.seen, stay=options.stay), [context.change], options)
    with torch.no_grad():
        goal = unit_mean(copied.embed_texts(list(plain.prompts.goal)))
        baseline = unit_mean(copied.embed_texts(list(plain.prompts.baseline))) if plain.prompts.baseline else None
    return LearnedPrompts(goal, baseline)


def learn_conditional_prompts(
    encoder: Encoder, spec: RewardSpec, frames: Any, labels: Any, options: ConditionalOptions
) -> ConditionalPrompts:
    """Words of goal and baseline that depend on the frame, and rank a handful of labelled frames better.

    Args:
        encoder: A model of OpenCLIP.
        spec: Its reward, a projection (or cosine).
        frames: As `RewardModel.embed` takes them.
        labels: 1 success, 0 failure, or the progress in between, for each frame.
        options: How many vectors, and how they are learned.

    Raises:
        SpecError: As of `learn_prompts`.
        EncoderError: As of `learn_prompts`.
    """
    plain = _projection_of_sentences(spec)
    lesson = Lesson.begin(DifferentiableEncoder(encoder), plain, frames, labels)
    learned = ConditionalPrompts(encoder, plain.prompts, count=options.context, seed=options.seed)
    with torch.no_grad():
        before = learned.sentences(lesson.seen)

    def loss() -> Tensor:
        said = learned.sentences(lesson.seen)
        moved = (said - before).square().sum(dim=-1).mean()
        rewards = learned.project(lesson.seen, said, alpha=plain.alpha)
        wrong = ranking_loss(rewards, lesson.labels, temperature=lesson.spread)
        return wrong + options.stay * moved / lesson.spread**2

    descend(loss, learned.trained, options)
    return learned


def _projection_of_sentences(spec: RewardSpec) -> RewardSpec:
    plain = _of_sentences(spec)
    if plain.head != "projection":
        raise SpecError(
            f"prompts are learned for the head projection; this reward has head={plain.head!r}. The methods svd and "
            "lora take any head."
        )
    return plain


def _of_sentences(spec: RewardSpec) -> RewardSpec:
    """Without what was fitted to embeddings or scores that will change."""
    plain = replace(spec, few_shot=None, uncertainty=None, judge=None, scaling=None, threshold=None)
    if not plain.parts() or plain.options is None:
        return plain
    fitted = ("few_shot", "scaling", "threshold")
    parts = [{key: value for key, value in part.items() if key not in fitted} for part in plain.options["parts"]]
    return replace(plain, options={"parts": parts})


@torch.no_grad()
def _ranking_loss(lesson: Lesson, encoder: DifferentiableEncoder) -> float:
    return float(lesson.ranking_loss(encoder, encoder.embed_frames(lesson.frames)))


def _low_rank(options: Any) -> Callable[[Weight, int], nn.Module]:
    generator = torch.Generator().manual_seed(options.seed)
    return partial(LowRankChange, rank=options.rank, alpha=options.alpha, generator=generator)


def _singular_values(options: TunerOptions) -> Callable[[Weight, int], nn.Module]:
    return SingularValueChange


_CHANGES: Mapping[type[TunerOptions], Callable[[Any], Callable[[Weight, int], nn.Module]]] = {
    LowRankOptions: _low_rank,
    SingularValuesOptions: _singular_values,
}
