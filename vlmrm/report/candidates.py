"""The rewards that a report compares, each with the controls that say whether its numbers mean anything.

An AUROC says nothing without its control: with a model that is blind to a task, a sentence about a zebra may rank its
goal states first by chance, and reach what the right sentence reaches.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard

from vlmrm.data.scores import Scores
from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.open_clip.names import untrained
from vlmrm.encoders.registry import load_encoder
from vlmrm.errors import SpecError, VlmrmError
from vlmrm.prompts import PromptSet
from vlmrm.rewards.function import FunctionReward
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.protocols import FrameReward
from vlmrm.rewards.spec import RewardSpec

NONSENSE = (
    "a zebra grazing",
    "a stop sign beside a road",
    "a bowl of soup",
    "a sailing boat at sea",
    "a bunch of roses",
)
"""Sentences of the controls that are about something else; of one alone it is chance how well it does."""
BASELINE, UNTRAINED = "the baseline as the goal", "random weights"
"""Names of the other controls."""
AnyReward = RewardSpec | FrameReward | Scores | Callable[..., Any] | str | Path
"""A spec or the name of its file, a reward, scores made elsewhere, or a function from frames to numbers."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A reward to be judged."""

    name: str
    """What the report calls it."""
    reward: FrameReward | Scores
    """The reward, or the scores that it gave elsewhere."""
    controls: Mapping[str, RewardModel] = field(default_factory=dict)
    """Rewards that ought to be worthless, by what they are."""
    without: Mapping[str, str] = field(default_factory=dict)
    """Controls that cannot be made of this reward, each with the reason."""

    @property
    def spec(self) -> RewardSpec | None:
        """The spec. None: it has none."""
        return None if isinstance(self.reward, Scores) else self.reward.spec

    @property
    def fingerprint(self) -> str | None:
        """Which weights it reads with. None: unknown."""
        return None if isinstance(self.reward, Scores) else self.reward.fingerprint


class Encoders:
    """Encoders by name, so that each is loaded once for any number of rewards."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, str | None], Encoder] = {}

    def reward(self, spec: RewardSpec) -> RewardModel:
        """Return the reward of a spec."""
        key = (spec.encoder, spec.resize_mode)
        if key not in self._loaded:
            self._loaded[key] = load_encoder(spec.encoder, resize_mode=spec.resize_mode)
        judge = None if spec.judge is None else spec.judge.load(None)
        return RewardModel(self._loaded[key], spec, judge)


def candidates_of(
    rewards: Mapping[str, AnyReward] | AnyReward,
    *,
    alphas: Sequence[float] = (),
    controls: bool = True,
) -> list[Candidate]:
    """Return what is to be judged, with the controls of each.

    Args:
        rewards: One reward, or several by the names that the report gives them.
        alphas: Alphas to compare for each plain projection; none: its own.
        controls: Whether to make controls.

    Raises:
        SpecError: If there is no reward, alphas are given and none of the rewards can take them, or a name stands for
            two.
    """
    encoders = Encoders()
    named = rewards if isinstance(rewards, Mapping) else {_usual_name(rewards): rewards}
    found: dict[str, FrameReward | Scores] = {}
    for name, given in named.items():
        reward = _reward(given, encoders)
        for label, one in _by_alpha(name, reward, alphas):
            if label in found:
                raise SpecError(f"two rewards of the report are called {label!r}. Give them different names.")
            found[label] = one
    if not found:
        raise SpecError("no reward was given to judge.")
    if alphas and not any(_takes_alphas(reward) for reward in found.values()):
        raise SpecError("alphas belong to plain projections, and none of the rewards is one.")
    if not controls:
        return [Candidate(name=name, reward=reward) for name, reward in found.items()]
    return [_with_controls(name, reward, encoders) for name, reward in found.items()]


def _usual_name(reward: AnyReward) -> str:
    if isinstance(reward, str | Path):
        return Path(reward).stem
    return reward.encoder if isinstance(reward, RewardSpec) else str(getattr(reward, "name", "reward"))


def _reward(given: AnyReward, encoders: Encoders) -> FrameReward | Scores:
    if isinstance(given, str | Path):
        given = RewardSpec.load(given)
    if isinstance(given, RewardSpec):
        return encoders.reward(given)
    if isinstance(given, FrameReward | Scores):
        return given
    if callable(given):
        return FunctionReward(given)
    raise SpecError(f"a reward is a spec, the name of its file, a FrameReward or a function of frames; got {given!r}.")


def _takes_alphas(reward: FrameReward | Scores) -> TypeGuard[RewardModel]:
    return isinstance(reward, RewardModel) and replace(reward.spec, scaling=None).compares_alphas


def _by_alpha(
    name: str, reward: FrameReward | Scores, alphas: Sequence[float]
) -> Iterator[tuple[str, FrameReward | Scores]]:
    if not alphas or not _takes_alphas(reward):
        yield name, reward
        return
    for alpha in alphas:
        yield f"{name}, alpha {alpha:g}", reward.with_spec(replace(reward.spec, alpha=alpha))


def _with_controls(name: str, reward: FrameReward | Scores, encoders: Encoders) -> Candidate:
    if not isinstance(reward, RewardModel):
        why = "it has no sentence that could be exchanged"
        return Candidate(name=name, reward=reward, without=dict.fromkeys(("other sentences", BASELINE, UNTRAINED), why))
    made: dict[str, RewardModel] = {}
    without: dict[str, str] = {}
    others = {f"“{sentence}”": partial(_nonsense, sentence) for sentence in NONSENSE}
    makers: dict[str, Callable[[RewardModel, Encoders], RewardModel]] = {
        **others, BASELINE: _baseline, UNTRAINED: _untrained,
    }  # fmt: skip
    for control, make in makers.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a model knows no zebra is the point
            try:
                made[control] = make(reward, encoders)
            except VlmrmError as error:
                without[control] = str(error)
    return Candidate(name=name, reward=reward, controls=made, without=without)


def _nonsense(sentence: str, reward: RewardModel, encoders: Encoders) -> RewardModel:
    spec = _without_fits(reward.spec)
    prompts = spec.require_prompts()
    return reward.with_spec(replace(spec, prompts=PromptSet(sentence, prompts.baseline, prompts.negatives)))


def _baseline(reward: RewardModel, encoders: Encoders) -> RewardModel:
    spec = _without_fits(reward.spec)
    prompts = spec.require_prompts()
    if not prompts.baseline:
        raise SpecError("it has no baseline")
    if spec.options.projects:
        return reward.with_spec(replace(spec, prompts=PromptSet(prompts.baseline), alpha=0.0))
    return reward.with_spec(replace(spec, prompts=PromptSet(prompts.baseline, (), prompts.negatives)))


def _untrained(reward: RewardModel, encoders: Encoders) -> RewardModel:
    spec = _without_fits(reward.spec)
    name = untrained(spec.encoder)
    if name is None:
        raise SpecError(f"no untrained model is known for {spec.encoder}")
    return encoders.reward(replace(spec, encoder=name))


def _without_fits(spec: RewardSpec) -> RewardSpec:
    """Labels would give the goal away; clips and thresholds would hide how well a control ranks."""
    if not spec.options.reads_goal() or spec.options.is_fitted:
        raise SpecError(f"its head {spec.head} was fitted, whatever the sentence says")
    return replace(spec, few_shot=None, uncertainty=None, judge=None, scaling=None, threshold=None, over_time=None)
