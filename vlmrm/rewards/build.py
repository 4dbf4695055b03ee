"""From a spec to its heads: the sentences embedded, the model's own constants filled in."""

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch

from vlmrm.encoders.encoder import Encoder, finite
from vlmrm.encoders.ensemble import EnsembleEncoder
from vlmrm.encoders.views import ViewEncoder
from vlmrm.errors import PromptError, ScaleWarning, SpecError
from vlmrm.rewards.auto_clip import AutoClipHead, with_templates
from vlmrm.rewards.clips import ClipSteps, require_video
from vlmrm.rewards.disagreement import DisagreementHead, Members, of_encoders, of_heads, of_views, require_views
from vlmrm.rewards.doubt import DisagreementOptions
from vlmrm.rewards.ensemble import EnsembleHead
from vlmrm.rewards.factors import FactoredHead, every_combination, ideal_words
from vlmrm.rewards.few_shot_layer import with_few_shot
from vlmrm.rewards.frame_noise import LowerConfidenceHead
from vlmrm.rewards.gate import GateHead
from vlmrm.rewards.head import Head, StepHead
from vlmrm.rewards.layers import (
    ClipOptions,
    DifferenceOptions,
    LearnedWordsOptions,
    ScalingOptions,
    ShapingOptions,
    TimeOptions,
    WindowOptions,
)
from vlmrm.rewards.milestones import LastMilestone, Milestones
from vlmrm.rewards.negatives import ContrastHead, SigmoidHead, SoftmaxHead
from vlmrm.rewards.options import HeadOptions
from vlmrm.rewards.over_time import PlainSteps, Shaping, Window, difference
from vlmrm.rewards.projection import ProjectionHead, unit_mean
from vlmrm.rewards.scaling import ScaledHead
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.threshold import ThresholdHead
from vlmrm.rewards.visualness import warn_of_invisible_goals
from vlmrm.types import Embeddings


def build_head(encoder: Encoder, spec: RewardSpec) -> Head:
    """The head of a spec, which scores single frames.

    Args:
        encoder: Embeds the sentences, once.
        spec: Whose head, options and prompts count.

    Raises:
        PromptError: The sentences make no reward, e.g. goal and baseline have the same embedding.
        SpecError: An option is missing that the encoder has no value of its own for.
        EncoderError: The encoder returned NaN or infinity.
    """
    warn_of_invisible_goals(spec.prompts)
    head = _MAKE[spec.head](encoder, spec, spec.head_options())
    few_shot, scaling = spec.few_shot_options(), spec.scaling_options()
    if isinstance(few_shot, LearnedWordsOptions):
        from vlmrm.rewards.tuning.conditional import ConditionalHead, ConditionalPrompts  # tuning builds heads itself

        head = ConditionalHead(ConditionalPrompts.from_text(encoder, spec.prompts, few_shot.learned), spec.alpha)
    elif few_shot is not None:
        head = with_few_shot(head, few_shot, alpha=spec.alpha)
    uncertainty = spec.uncertainty_options()
    if isinstance(uncertainty, DisagreementOptions):
        members = _members(encoder, spec, uncertainty.ensemble, head)
        head = DisagreementHead(head, members, float(uncertainty.kappa), encoder.dim)
    elif uncertainty is not None:
        head = LowerConfidenceHead(head, float(uncertainty.kappa))
    judge = spec.judge_options()
    if judge is not None:
        head = GateHead(head, judge.above, judge.bonus)
    if scaling is not None:
        head = _scaled(head, scaling)
    if spec.threshold is None or isinstance(head, LastMilestone):  # a milestone's probability has the threshold
        return head
    return ThresholdHead(head, spec.threshold)


def build_step_head(encoder: Encoder, spec: RewardSpec, head: Head) -> StepHead:
    """What makes the rewards of steps from the scores of frames.

    Args:
        encoder: Embeds clips, where the reward is one of clips.
        spec: Says how.
        head: As `build_head` makes it.

    Raises:
        SpecError: The reward is one of clips, and the encoder embeds single frames.
    """
    if isinstance(head, LastMilestone):
        said: Any = spec.head_options()
        threshold = 0.5 if spec.threshold is None else spec.threshold
        return Milestones(head, threshold=threshold, hold=said.hold, share=float(said.share))
    options = spec.time_options()
    if options is None:
        return PlainSteps(head)
    if isinstance(options, ClipOptions):
        return ClipSteps(head, require_video(encoder), options.every)
    return _OVER_TIME[type(options)](head, options)


def _members(encoder: Encoder, spec: RewardSpec, kind: str, head: Head) -> Members:
    """Those that may disagree."""
    bare = replace(spec, uncertainty=None, judge=None, scaling=None, threshold=None, over_time=None)
    if kind == "prompts":
        alone = [replace(spec.prompts, goal=(goal,)) for goal in spec.prompts.goal]
        return of_heads([build_head(encoder, replace(bare, prompts=prompts)) for prompts in alone])
    views = encoder if isinstance(encoder, ViewEncoder) else None
    if kind == "views":
        return of_views(head, require_views(encoder).dim)
    together = encoder if views is None else views.encoder
    if not isinstance(together, EnsembleEncoder):
        raise SpecError(
            f"uncertainty of the ensemble 'encoders' needs several, e.g. 'sim-s + sim-m'; got {encoder.name!r}."
        )
    heads = [build_head(member, replace(bare, encoder=member.name, views=None)) for member in together.members]
    return of_encoders(together.split, heads)


def _scaled(head: Head, options: ScalingOptions) -> ScaledHead:
    low, high = options.lowest, options.highest
    return ScaledHead(
        head,
        float(options.subtract),
        float(options.divide),
        -math.inf if low is None else float(low),
        math.inf if high is None else float(high),
    )


def _embed(encoder: Encoder, sentences: tuple[str, ...]) -> Embeddings:
    return finite(encoder, encoder.embed_texts(list(sentences)))


def _projection(encoder: Encoder, spec: RewardSpec, _: HeadOptions) -> ProjectionHead:
    goal = unit_mean(_embed(encoder, spec.prompts.goal))
    baseline = unit_mean(_embed(encoder, spec.prompts.baseline)) if spec.prompts.baseline else None
    head = ProjectionHead(goal, baseline, spec.alpha)
    head(goal[None])  # fails here, not in the first step, where the prompts span no line
    return head


def _softmax(encoder: Encoder, spec: RewardSpec, options: Any) -> SoftmaxHead:
    return SoftmaxHead(
        unit_mean(_embed(encoder, spec.prompts.goal)),
        _embed(encoder, spec.prompts.negatives),
        _temperature(encoder, options),
    )


def _contrast(encoder: Encoder, spec: RewardSpec, _: HeadOptions) -> ContrastHead:
    goal, negative = (unit_mean(_embed(encoder, which)) for which in (spec.prompts.goal, spec.prompts.negatives))
    if bool((goal - negative).norm() < 1e-3):
        raise PromptError("goal and negatives have the same embedding, so that every picture would get 0.")
    return ContrastHead(goal, negative)


def _sigmoid(encoder: Encoder, spec: RewardSpec, options: Any) -> SigmoidHead:
    if options.bias is None and encoder.logit_bias == 0:
        raise SpecError(
            f"encoder {encoder.name!r} was not trained with a sigmoid and has no logit bias, without which nearly "
            "every picture gets 1. Take one of the SigLIP family, give a bias (in units of the scaled cosine), or use "
            "the head softmax."
        )
    return SigmoidHead(
        unit_mean(_embed(encoder, spec.prompts.goal)),
        encoder.logit_scale if options.scale is None else float(options.scale),
        encoder.logit_bias if options.bias is None else float(options.bias),
    )


def _milestones(encoder: Encoder, spec: RewardSpec, options: Any) -> LastMilestone:
    milestones = _embed(encoder, spec.prompts.goal)
    negatives = _embed(encoder, spec.prompts.negatives) if spec.prompts.negatives else milestones[:0]
    return LastMilestone(milestones, negatives, _temperature(encoder, options))


def _auto_clip(encoder: Encoder, spec: RewardSpec, options: Any) -> AutoClipHead:
    prompts = spec.prompts
    sentences = [*prompts.goal, *prompts.baseline, *prompts.negatives]
    embedded = [_embed(encoder, row) for row in with_templates(sentences, options.templates)]
    count = len(prompts.goal)  # several goal sentences are one class, every other sentence is one of its own
    texts = torch.stack([torch.cat([unit_mean(row[:count])[None], row[count:]]) for row in embedded])
    return AutoClipHead(texts, 1 / _temperature(encoder, options), entropy_share=options.entropy_share)


def _factored(encoder: Encoder, spec: RewardSpec, options: Any) -> FactoredHead:
    if len(spec.prompts.goal) != 1:
        raise SpecError(f"a factored goal is one pattern such as 'a {{robot}} {{pose}}'; got {spec.prompts.goal}.")
    sentences, indices = every_combination(spec.prompts.goal[0], options.factors)
    return FactoredHead.compose(list(options.factors), ideal_words(_embed(encoder, sentences), indices))


def _ensemble(encoder: Encoder, spec: RewardSpec, options: Any) -> EnsembleHead:
    parts = spec.parts()
    bare = [part.head for part in parts if part.scaling is None and part.threshold is None]
    if bare and len({part.head for part in parts}) > 1:
        warnings.warn(
            f"the parts {', '.join(bare)} of an ensemble have scores of their own scales, and the widest decides. "
            "RewardModel.standardize(frames), or `vlmrm fit --scale-on`, gives all of them the same.",
            ScaleWarning,
            stacklevel=2,
        )
    return EnsembleHead([build_head(encoder, part) for part in parts], [float(p["weight"]) for p in options.parts])


def _temperature(encoder: Encoder, options: Any) -> float:
    return 1 / encoder.logit_scale if options.temperature is None else float(options.temperature)


_MAKE: Mapping[str, Callable[[Encoder, RewardSpec, Any], Head]] = {
    "projection": _projection,
    "softmax": _softmax,
    "contrast": _contrast,
    "sigmoid": _sigmoid,
    "milestones": _milestones,
    "auto_clip": _auto_clip,
    "factored": _factored,
    "ensemble": _ensemble,
}
_OVER_TIME: Mapping[type[TimeOptions], Callable[[Head, Any], StepHead]] = {
    DifferenceOptions: lambda head, _: difference(head),
    ShapingOptions: lambda head, options: Shaping(head, gamma=float(options.gamma)),
    WindowOptions: lambda head, options: Window(head, length=options.length),
}
