"""``uncertainty = { ensemble = … }``: how unsure a score is, as an ensemble disagrees.

Members are other wordings of the goal, other crops of the frame, or the encoders of an ensemble. The score stays the
head's own. Its standard deviation is that of the scores of the members, of which each is the same head with one goal
sentence, on one crop, or of one encoder. It costs no fit, and says something else than a posterior of the encoder: not
how far a frame is from what was seen, but how much hangs on the choice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.ensemble import require_ensemble
from vlmrm.errors import SpecError
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.protocols import Context
from vlmrm.rewards.score import build_score
from vlmrm.rewards.transforms.uncertainty.moments import ensemble
from vlmrm.rewards.transforms.uncertainty.options import UncertaintyOptions
from vlmrm.rewards.transforms.uncertainty.pessimism import Pessimism
from vlmrm.values import require_choice

Members = Callable[[FrameFeatures], Float[Tensor, "s n"]]
"""Scores of each member, one row each."""


@dataclass(frozen=True, kw_only=True)
class DisagreementOptions(UncertaintyOptions):
    """Options of ``uncertainty`` as the members of an ensemble disagree."""

    kind: ClassVar[str] = "ensemble"
    ensemble: str
    """Members: ``prompts``: goal sentences, ``views``: crops of the frame, ``encoders``: those of an ensemble."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice("ensemble", self.ensemble, list(_KINDS))

    @property
    def of_sentences(self) -> bool:
        """Whether it is the disagreement of the goal sentences, which pictures may replace."""
        return self.ensemble == "prompts"

    def check(self, spec: Any) -> None:
        """Refuse a spec without such members.

        Raises:
            SpecError: If there are fewer than two, or their scores cannot be compared.
        """
        _KINDS[self.ensemble][0](spec)

    def apply(self, context: Context) -> Context:
        """Return the context with pessimistic scores."""
        members = _KINDS[self.ensemble][1](context)
        return context.then(Pessimism(lambda seen: ensemble(members(seen))[1], float(self.kappa)))


def _check_prompts(spec: Any) -> None:
    if spec.prompts is None or len(spec.prompts.goal) < 2:
        raise SpecError("uncertainty of the ensemble 'prompts' needs at least 2 goal sentences; say it in other words.")
    if "few_shot:goal_pictures" in spec.words() or not spec.reads_goal:
        raise SpecError("uncertainty of the ensemble 'prompts' is of goal sentences, which this reward does not use.")


def _check_views(spec: Any) -> None:
    if spec.views is None or "over_time:window" in spec.words():
        raise SpecError("uncertainty of the ensemble 'views' needs views, and no window; see `features.views`.")
    if not spec.views.several:
        raise SpecError("uncertainty of the ensemble 'views' needs at least 2 views. Give views more scales.")


def _check_encoders(spec: Any) -> None:
    if not spec.options.one_scale or spec.few_shot is not None:
        has = f"head={spec.head!r}" + (" and few_shot" if spec.few_shot else "")
        raise SpecError(
            "encoders can be compared by scores that are probabilities, as those of the heads softmax and sigmoid, "
            f"without few_shot; cosines have another spread in each. This reward has {has}."
        )


def _of_prompts(context: Context) -> Members:
    spec = context.spec.before("uncertainty")
    prompts = spec.require_prompts()
    alone = [replace(spec, prompts=replace(prompts, goal=(goal,))) for goal in prompts.goal]
    scores = [build_score(context.encoder, one) for one in alone]
    return lambda seen: torch.stack([score.of_embeddings(seen.embeddings) for score in scores])


def _of_views(context: Context) -> Members:
    score = context.score
    return lambda seen: torch.stack([score.of_embeddings(crop) for crop in seen.extra["crops"].unbind(dim=1)])


def _of_encoders(context: Context) -> Members:
    together = require_ensemble(context.encoder, "uncertainty of the ensemble 'encoders' needs")
    spec = replace(context.spec.before("uncertainty"), views=None)
    scores = [build_score(member, replace(spec, encoder=member.name)) for member in together.members]

    def members(seen: FrameFeatures) -> Float[Tensor, "s n"]:
        parts = zip(scores, together.split(seen.embeddings), strict=True)
        return torch.stack([score.of_embeddings(part) for score, part in parts])

    return members


_KINDS: Mapping[str, tuple[Callable[[Any], None], Callable[[Context], Members]]] = {
    "prompts": (_check_prompts, _of_prompts),
    "views": (_check_views, _of_views),
    "encoders": (_check_encoders, _of_encoders),
}
