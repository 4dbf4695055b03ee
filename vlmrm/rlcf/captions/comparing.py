"""Captions of many pictures by several methods: the captioner, its controls, and what is adapted."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from vlmrm.errors import SpecError, near_matches
from vlmrm.rewards import RewardModel, RewardSpec
from vlmrm.rlcf.adapter import Adapter
from vlmrm.rlcf.answer import Answerer
from vlmrm.rlcf.captions.adapting import CAPTION_CONTROLS, Described, caption_control
from vlmrm.rlcf.captions.captioner import LanguageModelCaptioner
from vlmrm.rlcf.captions.files import load_captioner
from vlmrm.rlcf.episode import Episode
from vlmrm.rlcf.labelled import Labelled, Labels
from vlmrm.rlcf.options import AdaptOptions
from vlmrm.rlcf.policies import Asking
from vlmrm.rlcf.setup import AdaptedMethod


@dataclass(frozen=True, kw_only=True)
class CaptionResult:
    """What one method said of one picture."""

    caption: str
    """What the method wrote."""
    before: str = ""
    """The caption before adaptation. Empty: there was no episode."""
    adapted: bool = False
    """Whether the captioner was adapted to the picture."""
    moved: int | float = 0.0
    """The most that any tuned number has moved."""
    dropped: str = ""
    """Why the episode was given up. Empty: it was not."""
    after_each: tuple[str, ...] = ()
    """The caption after each step."""

    def after(self, step: int) -> str:
        """Return the caption after one of the steps, from 1; what was not adapted stays as it is."""
        return self.caption if step > len(self.after_each) else self.after_each[step - 1]


@dataclass(frozen=True, kw_only=True, eq=False)
class CaptionedBy:
    """What one method said of all pictures."""

    name: str
    """What tables call it."""
    each: Sequence[CaptionResult]
    """One for each picture, in order."""

    @property
    def captions(self) -> list[str]:
        """Captions, in order."""
        return [one.caption for one in self.each]

    @property
    def share_adapted(self) -> float:
        """Share of pictures that the captioner was adapted to."""
        return sum(one.adapted for one in self.each) / len(self.each)

    @property
    def dropped(self) -> int:
        """Number of episodes that were given up."""
        return sum(bool(one.dropped) for one in self.each)

    @property
    def unmoved(self) -> int:
        """Number of episodes that moved no parameter, though none was dropped."""
        return sum(one.adapted and not one.moved and not one.dropped for one in self.each)

    def captions_after_each(self) -> list[list[str]]:
        """Return the captions after each step; empty where steps were not traced."""
        steps = max(len(one.after_each) for one in self.each)
        return [[one.after(step + 1) for one in self.each] for step in range(steps)]


@dataclass(frozen=True, kw_only=True)
class CaptionSetup:
    """What is compared on the same pictures, as plain values that another process can make and a file can hold."""

    captioner: str
    """Name of the captioner."""
    reward: RewardSpec
    """The reward that adapts, as its spec."""
    options: AdaptOptions
    """The choices that the controls go by: candidates, steps and how captions are written."""
    adapted: Mapping[str, AdaptedMethod] = field(default_factory=dict)
    """Adapted captioners, by the name that tables give them."""
    device: str | None = None
    """Device of both models. None: the best there is."""

    @property
    def methods(self) -> Sequence[str]:
        """Names of all methods, the controls first."""
        return [*CAPTION_CONTROLS, *self.adapted]

    @property
    def record(self) -> type[CaptionResult]:
        """What is kept of one caption."""
        return CaptionResult

    def in_order(self, method: str) -> bool:
        """Return whether the caption of a picture depends on the pictures before it."""
        return method in self.adapted and self.adapted[method].options.reset != "episode"

    def protocol(self, method: str) -> dict[str, Any]:
        """Return all that decides a method's captions, as plain values; weights by their fingerprints."""
        said = {
            "captioner": self.captioner,
            "captioner_weights": self.model.fingerprint,
            "reward": self.reward.to_dict(),
            "reward_weights": self.reward_model.fingerprint,
            "method": method,
        }
        return said | (asdict(self.adapted[method]) if method in self.adapted else asdict(self.options))

    def checked(self, asked: Labelled) -> Labels:
        """Return the place of each picture, which is that of its references."""
        return [(place,) for place in range(len(asked.queries))]

    def record_of(self, given: Described, right: Sequence[int]) -> CaptionResult:
        """Return what is kept of a caption."""
        episode = given.episode
        return CaptionResult(
            caption=given.caption,
            before=episode.before or "",
            adapted=episode.adapted,
            moved=episode.moved,
            dropped=episode.dropped,
            after_each=tuple(episode.after_each),
        )

    def gather(self, method: str, each: Sequence[CaptionResult], right: Labels) -> CaptionedBy:
        """Return what a method said of all pictures."""
        return CaptionedBy(name=method, each=each)

    def bare(self) -> "CaptionSetup":
        """Return the same without the models that were loaded here."""
        return replace(self)

    @cached_property
    def model(self) -> LanguageModelCaptioner:
        """The captioner, loaded."""
        return load_captioner(self.captioner, device=self.device)

    @cached_property
    def reward_model(self) -> RewardModel:
        """The reward, loaded."""
        return RewardModel.from_spec(self.reward, device=self.device)

    def make(self, method: str) -> Answerer:
        """Return a method, ready to answer.

        Args:
            method: One of `methods`.

        Raises:
            SpecError: There is none of this name.
        """
        if method in self.adapted:
            return self._adapter(self.adapted[method])
        if method not in CAPTION_CONTROLS:
            raise SpecError(f"no method {method!r}. Near: {near_matches(method, self.methods)}.")
        return CaptionControl(self.model, method, Asking(options=self.options, reward=self.reward_model))

    def _adapter(self, method: AdaptedMethod) -> Adapter[LanguageModelCaptioner]:
        reward = own_reward(self.model) if method.self_reward else self.reward_model
        return Adapter(self.model, reward, options=method.options, guard=method.guard, self_reward=method.self_reward)


class CaptionControl:
    """One of the controls as something that answers.

    Args:
        captioner: What writes.
        name: One of `CAPTION_CONTROLS`.
        asking: What an adapter would do.
    """

    def __init__(self, captioner: LanguageModelCaptioner, name: str, asking: Asking) -> None:
        self._captioner, self._name, self._asking = captioner, name, asking

    def answer(self, query: Any, *, trace: bool = False) -> Described:
        """Return the caption of one picture."""
        picture = self._captioner.read(query)
        caption = caption_control(self._captioner, picture, self._asking, self._name)
        return Described(caption, Episode(adapted=False))

    def reset(self) -> None:
        """Nothing is remembered."""


def own_reward(captioner: LanguageModelCaptioner) -> RewardModel:
    """Return CLIPScore by the captioner's own encoder, for ``self_reward``.

    Raises:
        SpecError: It has none.
    """
    encoder = captioner.sees_with
    if encoder is None:
        raise SpecError(
            f"{captioner.name!r} sees pictures with no encoder of two towers, so that it has no own reward."
        )
    return RewardModel(encoder, RewardSpec.clip_score(encoder.name))
