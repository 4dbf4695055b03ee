"""Prompt templates that are weighed anew for each frame (AutoCLIP, Metzen et al. 2024, TMLR, arXiv 2309.16414).

A goal in several templates ("a photo of {}", "a drawing of {}") is usually the plain mean of its sentences, which is
`unit_mean`. AutoCLIP lets each frame choose: templates that fit it count more. With s[v, c] the cosine of the frame
and class c in template v, the weights start as equal and take one step uphill on how well the classes explain the
frame, logsumexp over c of ``scale · sum_v w[v] s[v, c]`` with w = softmax(rho). At rho = 0 the gradient is closed:

    p = softmax over c of the logits,   a[v] = sum_c p[c] s[v, c],   g[v] = scale / V · (a[v] - mean of a)

The new weights are softmax(step · g). The step is the one that leaves them a given share of the entropy of V equal
weights, so that it needs no tuning, and neither the factor scale / V nor the model's spread of cosines matters.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float

from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import PromptError, SpecError
from vlmrm.prompts import PromptSet
from vlmrm.rewards.heads.projection import unit_mean
from vlmrm.rewards.heads.sentences import embed, refuse_same
from vlmrm.rewards.heads.softmax import temperature_of
from vlmrm.rewards.protocols import Head, HeadOptions
from vlmrm.types import Embeddings, Rewards
from vlmrm.values import require_above_0, require_share

_LEVEL = 1e-5  # spread of a[v] below which templates fit alike: float32 cosines are rounded at about 1e-7
_LARGEST_STEP = 1e3  # for a spread of 1: what is nearer to the best than 1/1000 of the spread is tied with it
_HALVINGS = 37  # 1e3 / 2**37 < 1e-8 of a step is less than float32 weights can show


@dataclass(frozen=True, kw_only=True)
class AutoClipOptions(HeadOptions):
    """Options of the head ``auto_clip``; goal, baseline and negatives are put into all templates."""

    score_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    pairs: ClassVar[str | None] = "each frame weighs the templates anew, for one goal and what stands against it"
    templates: Sequence[str]
    """Templates with one "{}" each, where a sentence goes; at least one."""
    temperature: int | float | None = None
    """Temperature of the softmax over goal, baseline and negatives, above 0. None: the model's own."""
    entropy_share: int | float = 0.85
    """Entropy of the templates' weights over that of equal ones: 1 weighs all alike, 0 takes the best alone."""

    def __post_init__(self) -> None:
        if self.temperature is not None:
            require_above_0("temperature", self.temperature)
        require_share("entropy_share", self.entropy_share)

    def sentences(self, prompts: PromptSet) -> Sequence[str]:
        """Return every sentence in every template."""
        return [sentence for row in with_templates(super().sentences(prompts), self.templates) for sentence in row]

    def build(self, encoder: Encoder, prompts: PromptSet, alpha: float) -> "AutoClipHead":
        """Return the head of every sentence in every template.

        Raises:
            PromptError: If a template has not exactly one "{}", or is there twice; or if the goal and another sentence
                have the same embedding in all of them.
        """
        rows = with_templates(super().sentences(prompts), self.templates)
        count = len(prompts.goal)  # several goal sentences are one class, every other sentence is one of its own
        embedded = [embed(encoder, row) for row in rows]
        plain = super().sentences(prompts)
        refuse_same(encoder.name, torch.cat(embedded, dim=1), plain[:count], plain[count:])
        texts = torch.stack([torch.cat([unit_mean(row[:count])[None], row[count:]]) for row in embedded])
        return AutoClipHead(texts, 1 / temperature_of(encoder, self.temperature), entropy_share=self.entropy_share)


def template_gradient(similarities: Float[torch.Tensor, "n v c"], *, scale: int | float) -> Float[torch.Tensor, "n v"]:
    """How logsumexp over the classes grows with the logit of each template's weight, where all weights are equal.

    Args:
        similarities: Cosines of each frame with each template of each class.
        scale: Factor on them.

    Example:
        >>> template_gradient(torch.tensor([[[0.4], [0.2]]]), scale=1.0).round(decimals=3)
        tensor([[ 0.0500, -0.0500]])
    """
    chances = (scale * similarities.mean(dim=1)).softmax(dim=1)  # n c
    fits = (similarities * chances[:, None]).sum(dim=2)  # n v
    gradient: torch.Tensor = (fits - fits.mean(dim=1, keepdim=True)) * (scale / similarities.shape[1])
    return gradient


def auto_clip_weights(
    similarities: Float[torch.Tensor, "n v c"], *, scale: int | float = 1.0, entropy_share: int | float = 0.85
) -> Float[torch.Tensor, "n v"]:
    """Weights of the templates for each frame.

    Where more templates than the entropy allows are tied for the best, those share the weight; where all fit alike,
    and where there is only one, all weights are equal.

    Args:
        similarities: Cosines of each frame with each template of each class.
        scale: Factor on them in p. 1, plain cosines, is the published algorithm: p is then nearly even, and templates
            count by their mean over all classes. With the model's logit scale they count by the likely classes.
        entropy_share: Entropy of the weights over that of equal ones: 1 is the plain mean, 0 the best template alone.

    Returns:
        One row per frame, which sums to 1.

    Raises:
        SpecError: The scale is not above 0, or the share outside 0 to 1.

    Example:
        >>> auto_clip_weights(torch.tensor([[[0.4], [0.2], [0.2]]])).round(decimals=3)
        tensor([[0.6150, 0.1930, 0.1930]])
    """
    require_above_0("scale", scale)
    if not 0 <= entropy_share <= 1:
        raise SpecError(f"entropy_share must lie in 0 to 1; got {entropy_share!r}. The paper takes 0.85.")
    templates = similarities.shape[1]
    # in double: the entropy is flat near equal weights, so that its rounding in float32 would move the step
    fits = template_gradient(similarities.double(), scale=scale) * (templates / scale)
    return _with_entropy(fits, entropy_share * math.log(templates)).to(similarities.dtype)


def auto_clip(
    frames: Embeddings,
    texts: Float[torch.Tensor, "v c d"],
    *,
    scale: int | float,
    weight_scale: int | float = 1.0,
    entropy_share: int | float = 0.85,
) -> Rewards:
    """Probability of the goal among the classes, each the mean of its templates as the frame weighs them.

    Args:
        frames: Unit-length frame embeddings.
        texts: Unit-length sentences; class 0 is the goal, the others are baseline and negatives.
        scale: Factor on the weighted cosines in the softmax; the model's own logit scale as a rule.
        weight_scale: Factor on the cosines in the step that makes the weights, see `auto_clip_weights`.
        entropy_share: Of the weights, see `auto_clip_weights`.

    Returns:
        0 to 1 for each frame; the weighted cosine where the goal is the only class.

    Example:
        >>> goal, rival = torch.eye(2)
        >>> auto_clip(torch.eye(2), torch.stack([goal, rival])[None], scale=2.0).round(decimals=3)
        tensor([0.8810, 0.1190])
    """
    require_above_0("scale", scale)
    similarities = torch.einsum("nd,vcd->nvc", frames, texts)
    weights = auto_clip_weights(similarities, scale=weight_scale, entropy_share=entropy_share)
    cosines = (weights[:, :, None] * similarities).sum(dim=1)  # n c
    rewards = cosines if texts.shape[1] == 1 else (scale * cosines).softmax(dim=1)
    return rewards[:, 0]


@dataclass(frozen=True, eq=False)
class AutoClipHead(Head):
    """`auto_clip` with its sentences filled in."""

    texts: Float[torch.Tensor, "v c d"]
    """Unit-length rows of every template and class; class 0 is the goal."""
    scale: int | float
    """Factor on the weighted cosines in the softmax, above 0."""
    weight_scale: int | float = 1.0
    """Factor on the cosines in the step that makes the weights, above 0."""
    entropy_share: int | float = 0.85
    """Entropy of the weights over that of equal ones, 0 to 1."""

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """Return one score per embedding."""
        return auto_clip(
            embeddings,
            self.texts,
            scale=self.scale,
            weight_scale=self.weight_scale,
            entropy_share=self.entropy_share,
        )


def with_templates(sentences: Sequence[str], templates: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """All sentences in each template.

    Args:
        sentences: One per class, the goal first.
        templates: Each with one "{}", where the sentence goes.

    Returns:
        One row per template.

    Raises:
        PromptError: There is no sentence or template, one has not exactly one "{}", or one is there twice.

    Example:
        >>> with_templates(["a robot kneeling", "a robot"], ["{}", "a photo of {}."])
        (('a robot kneeling', 'a robot'), ('a photo of a robot kneeling.', 'a photo of a robot.'))
    """
    for role, given in (("sentence", sentences), ("template", templates)):
        if isinstance(given, str) or not isinstance(given, Sequence) or not given:
            raise PromptError(f"{role}s are a list with at least one {role}; got {given!r}.")
    for template in templates:
        if not isinstance(template, str) or template.count("{}") != 1:
            raise PromptError(
                f"a template has exactly one {{}}, where the sentence goes; got {template!r}. "
                'Write, for instance, "a photo of {}."'
            )
        if list(templates).count(template) > 1:
            raise PromptError(f"a template is there twice, so that it would count twice: {template!r}. Leave one out.")
    return tuple(tuple(template.replace("{}", sentence) for sentence in sentences) for template in templates)


def _with_entropy(fits: Float[torch.Tensor, "n v"], entropy: float) -> Float[torch.Tensor, "n v"]:
    """``softmax(step * fits)``, for each row with the step that gives this entropy; it falls as the step grows."""
    best, worst = fits.amax(dim=1, keepdim=True), fits.amin(dim=1, keepdim=True)
    spread = best - worst
    behind = (fits - best) / spread.clamp(min=_LEVEL)  # 0 for the best template, -1 for the worst
    low, high = torch.zeros_like(best), torch.full_like(best, _LARGEST_STEP)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        powers = middle * behind
        masses = powers.exp()
        total = masses.sum(dim=1, keepdim=True)
        flatter = total.log() - (masses * powers).sum(dim=1, keepdim=True) / total > entropy
        low, high = torch.where(flatter, middle, low), torch.where(flatter, high, middle)
    weights = (low * behind).softmax(dim=1)
    return torch.where(spread > _LEVEL, weights, torch.full_like(weights, 1 / fits.shape[1]))
