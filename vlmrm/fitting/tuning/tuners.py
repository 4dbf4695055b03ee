"""`tune`: a reward whose encoder, or whose prompts, were trained to rank a handful of labelled frames."""

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
from vlmrm.encoders.registry import load_encoder
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.encoders.towers.inner import open_clip_encoder
from vlmrm.encoders.towers.learned_words import add_context
from vlmrm.encoders.towers.low_rank import (
    LowRankChange,
    SingularValueChange,
    Weight,
    WeightChanges,
    attention_weights,
)
from vlmrm.errors import EncoderError, SpecError
from vlmrm.fitting.few_shot import fit_embeddings, one_each
from vlmrm.fitting.tuning.options import (
    ConditionalOptions,
    ContextOptions,
    LowRankOptions,
    SingularValuesOptions,
    TunerOptions,
    method_of,
    tuner_options,
)
from vlmrm.fitting.tuning.prompts import LearnedPrompts
from vlmrm.fitting.tuning.train import TuningSet, ranking_loss, train
from vlmrm.frames.batch import as_frames
from vlmrm.rewards.heads.cocoop import CoCoOpOptions, ConditionalPrompts
from vlmrm.rewards.heads.ensemble import EnsembleOptions
from vlmrm.rewards.heads.projection import unit_mean
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.spec import RewardSpec
from vlmrm.tables import write_table

_FITTED = ("few_shot", "scaling", "threshold")

WRITE_A_MODEL = ("svd", "lora")
"""Methods that write a tuned encoder."""


def tune(
    reward: RewardModel,
    frames: Any,
    labels: Any,
    *,
    method: str = "svd",
    options: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
) -> RewardModel:
    """A reward whose encoder, or whose prompts, were trained to rank a handful of labelled frames, in seconds.

    Args:
        reward: The reward to tune; it and its encoder stay as they are.
        frames: As `RewardModel.read` takes them; all are looked at in each step.
        labels: 1 success, 0 failure, or the progress in between, for each frame.
        method: ``svd`` (CLIP-SVD) and ``lora`` (CLIP-LoRA) tune a copy of the encoder; scoring costs the same. ``coop``
            (CoOp) learns words of the prompts, and ``cocoop`` (CoCoOp) words that depend on the picture.
        options: Options of the method; see `vlmrm.fitting.tuning.options`.
        out: Folder for the tuned encoder, which must not exist yet; only of ``svd`` and ``lora``.

    Returns:
        A reward with what was learned in its spec, and without what belonged to the embeddings or scores of before.

    Raises:
        SpecError: If the labels do not fit or are all the same, all frames have the same reward, there is no such
            method, an option is impossible, or `out` is missing, exists, or is not used.
        EncoderError: If the encoder cannot be tuned, or training diverged.

    Example:
        >>> import tempfile
        >>> from vlmrm import PromptSet
        >>> up, down = torch.zeros(2, 96, 96, 3, dtype=torch.uint8)
        >>> up[20:60, 46:50] = down[60:90, 46:50] = 255
        >>> frames = torch.stack([up, down])
        >>> reward = RewardModel.load("sim-s", PromptSet("a white line at the top", "a white line"), device="cpu")
        >>> tuned = tune(reward, frames, [1, 0], options={"steps": 5}, out=Path(tempfile.mkdtemp()) / "tuned")
        >>> before, after = reward.score(frames), tuned.score(frames)
        >>> bool(after[0] - after[1] > before[0] - before[1])
        True
    """
    found = tuner_options(method, options or {})
    if (out is None) is (method in WRITE_A_MODEL):
        raise SpecError(
            f"the methods {' and '.join(WRITE_A_MODEL)} write a tuned encoder to the folder `out`, and no other does; "
            f"got method={method!r} and out={out!r}."
        )
    if labels is None:
        raise SpecError(f"method {method!r} learns from success and failure, and no labels were given.")
    if reward.spec.views is not None:
        raise EncoderError("an encoder that sees whole frames can be tuned; this reward sees crops. Leave out views.")
    with torch.inference_mode(False), torch.enable_grad():  # wherever it is called
        batch = as_frames(frames)
        return _TUNE[type(found)](reward, batch, one_each(labels, len(batch)), found, out)


def _tuned_encoder(reward: RewardModel, frames: Any, labels: Any, options: TunerOptions, out: Any) -> RewardModel:
    spec = tune_weights(reward.encoder, reward.spec, frames, labels, options, out=out)
    runtime = open_clip_encoder(reward.encoder).runtime
    encoder = load_encoder(
        spec.encoder, device=str(runtime.device), precision=runtime.precision, resize_mode=spec.resize_mode
    )
    return RewardModel(encoder, spec)


def _learned_prompts(reward: RewardModel, frames: Any, labels: Any, options: Any, out: Any) -> RewardModel:
    embeddings, shown = learn_prompts(reward.encoder, reward.spec, frames, labels, options).as_pictures()
    return fit_embeddings(reward, embeddings, shown, method="goal_pictures")


def _conditional_prompts(reward: RewardModel, frames: Any, labels: Any, options: Any, out: Any) -> RewardModel:
    words = learn_conditional_prompts(reward.encoder, reward.spec, frames, labels, options)
    spec = replace(
        reward.spec.before("few_shot"),
        head="cocoop",
        options=CoCoOpOptions(learned=words.to_text(), fingerprint=reward.encoder.fingerprint),
    )
    return reward.with_spec(spec)


def tune_weights(
    encoder: Encoder,
    spec: RewardSpec,
    frames: Any,
    labels: Any,
    options: TunerOptions,
    *,
    out: str | Path,
) -> RewardSpec:
    """A reward whose encoder was tuned to rank a handful of labelled frames.

    The tuned model is written as a folder; the encoder that is given stays as it is.

    Args:
        encoder: A model of OpenCLIP.
        spec: The reward to tune for, of any head.
        frames: As `RewardModel.read` takes them.
        labels: 1 success, 0 failure, or the progress in between, for each frame.
        options: `SingularValuesOptions` or `LowRankOptions`, which say the method as well.
        out: Folder for the tuned model, which must not exist yet.

    Returns:
        The spec of the same sentences with the encoder ``local-dir:OUT``.

    Raises:
        SpecError: If the folder exists, the labels do not fit or are all the same, or all frames have the same reward.
        EncoderError: If the encoder is no model of OpenCLIP or has no attention layers, or training diverged.
    """
    folder = Path(out).expanduser().resolve()
    if folder.exists():
        raise SpecError(f"{folder} exists already. Give another out, where the tuned model will be written.")
    plain = _of_sentences(spec)
    tuned = replace(plain, encoder=f"local-dir:{folder}")
    copied = DifferentiableEncoder(encoder)
    given = TuningSet.begin(copied, plain, frames, labels)
    changes = WeightChanges(attention_weights(copied.model), _CHANGES[type(options)](options))
    before = _ranking_loss(given, copied)
    train(
        lambda: given.loss(copied, copied.embed_frames(given.frames), drift_penalty=options.drift_penalty),
        changes.trained,
        options,
    )
    changes.merge()
    record = {
        "tuned_from": copied.name,
        "method": method_of(options),
        "options": asdict(options),
        "prompts": write_table(plain.prompts),
        "frames": len(given.frames),
        "ranking_loss": {"before": before, "after": _ranking_loss(given, copied)},
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
        frames: As `RewardModel.read` takes them.
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
        >>> before = RewardModel(encoder, spec).score(frames)
        >>> after = learned.head(spec.alpha)(encoder.embed_frames(frames))
        >>> bool(after[0] - after[1] > before[0] - before[1])
        True
    """
    plain = _projection_of_sentences(spec)
    copied = DifferentiableEncoder(encoder)
    given = TuningSet.begin(copied, plain, frames, labels)
    context = add_context(copied, count=options.context)
    train(
        lambda: given.loss(copied, given.image_embeddings, drift_penalty=options.drift_penalty),
        [context.change],
        options,
    )
    with torch.no_grad():
        prompts = plain.require_prompts()
        goal = unit_mean(copied.embed_texts(list(prompts.goal)))
        baseline = unit_mean(copied.embed_texts(list(prompts.baseline))) if prompts.baseline else None
    return LearnedPrompts(goal, baseline)


def learn_conditional_prompts(
    encoder: Encoder, spec: RewardSpec, frames: Any, labels: Any, options: ConditionalOptions
) -> ConditionalPrompts:
    """Words of goal and baseline that depend on the frame, and rank a handful of labelled frames better.

    Args:
        encoder: A model of OpenCLIP.
        spec: Its reward, a projection (or cosine).
        frames: As `RewardModel.read` takes them.
        labels: 1 success, 0 failure, or the progress in between, for each frame.
        options: How many vectors, and how they are learned.

    Raises:
        SpecError: As of `learn_prompts`.
        EncoderError: As of `learn_prompts`.
    """
    plain = _projection_of_sentences(spec)
    given = TuningSet.begin(DifferentiableEncoder(encoder), plain, frames, labels)
    learned = ConditionalPrompts(encoder, plain.require_prompts(), count=options.context, seed=options.seed)
    with torch.no_grad():
        before = learned.sentences(given.image_embeddings)

    def loss() -> Tensor:
        said = learned.sentences(given.image_embeddings)
        moved = (said - before).square().sum(dim=-1).mean()
        rewards = learned.project(given.image_embeddings, said, alpha=plain.alpha)
        wrong = ranking_loss(rewards, given.labels, temperature=given.spread)
        return wrong + options.drift_penalty * moved / given.spread**2

    train(loss, learned.trained, options)
    return learned


def _projection_of_sentences(spec: RewardSpec) -> RewardSpec:
    plain = _of_sentences(spec)
    if not plain.options.projects:
        raise SpecError(
            f"prompts are learned for the head projection; this reward has head={plain.head!r}. The methods svd and "
            "lora take any head."
        )
    return plain


def _of_sentences(spec: RewardSpec) -> RewardSpec:
    """Without what was fitted to embeddings or scores that will change."""
    plain = spec.before("few_shot")
    if not isinstance(plain.options, EnsembleOptions):
        return plain
    return replace(plain, options=plain.options.without_fits(*_FITTED))


@torch.no_grad()
def _ranking_loss(given: TuningSet, encoder: DifferentiableEncoder) -> float:
    return float(given.ranking_loss(encoder, encoder.embed_frames(given.frames)))


def _low_rank(options: Any) -> Callable[[Weight, int], nn.Module]:
    generator = torch.Generator().manual_seed(options.seed)
    return partial(LowRankChange, rank=options.rank, alpha=options.alpha, generator=generator)


def _singular_values(options: TunerOptions) -> Callable[[Weight, int], nn.Module]:
    return SingularValueChange


_CHANGES: Mapping[type[TunerOptions], Callable[[Any], Callable[[Weight, int], nn.Module]]] = {
    LowRankOptions: _low_rank,
    SingularValuesOptions: _singular_values,
}
_TUNE: Mapping[type[TunerOptions], Callable[..., RewardModel]] = {
    LowRankOptions: _tuned_encoder,
    SingularValuesOptions: _tuned_encoder,
    ContextOptions: _learned_prompts,
    ConditionalOptions: _conditional_prompts,
}
