"""What gives labelled frames their scores, whatever a user handed in.

- `ScoredElsewhere`: a file of scores, which knows nothing of other frames.
- `FrameScorer`: any reward of frames, a function included.
- `SentenceScorer`: a `RewardModel`, whose sentences, alphas and weights can be exchanged.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from vlmrm.data.labelled import LabelledFrames
from vlmrm.data.scores import Scores
from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.open_clip.names import untrained
from vlmrm.encoders.registry import load_encoder
from vlmrm.errors import SpecError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.prompts import PromptSet
from vlmrm.rewards.features import FrameFeatures
from vlmrm.rewards.features.cameras import as_every_camera
from vlmrm.rewards.function import FunctionReward
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.pairs import PairScorer
from vlmrm.rewards.protocols import FrameReward
from vlmrm.rewards.spec import RewardSpec
from vlmrm.rewards.transforms import ORDER
from vlmrm.types import Embeddings, Frames

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
_NO_PARTS = ("std", "reward")  # columns of an explanation beside the score, its parts and what was read of frames


@dataclass(frozen=True, kw_only=True)
class PlacedSpec:
    """A spec, and where its models run."""

    spec: RewardSpec
    """Reward to be judged."""
    device: str | None
    """Name of the device, as ``cuda:1``; None: the best there is."""


AnyReward = PlacedSpec | RewardSpec | FrameReward | Scores | Callable[..., Any] | str | Path
"""A spec or the name of its file, a reward, scores made elsewhere, or a function from frames to numbers."""


class Encoders:
    """Encoders by name, so that each is loaded once for any number of rewards."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str | None, ...], Encoder] = {}

    def reward(self, spec: RewardSpec, device: str | None = None) -> RewardModel:
        """Return the reward of a spec on a device; None: the best there is."""
        key = (spec.encoder, spec.resize_mode, device)
        if key not in self._loaded:
            self._loaded[key] = load_encoder(spec.encoder, resize_mode=spec.resize_mode, device=device)
        judge = None if spec.judge is None else spec.judge.load(device)
        return RewardModel(self._loaded[key], spec, judge)


MakeControl = Callable[[Encoders], "SentenceScorer"]
"""Makes a reward that ought to be worthless, or raises a VlmrmError that says why there is none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scorer(ABC):
    """Gives frames their scores; by default one of which nothing else is known."""

    title: str = "reward"
    """What a report calls it if nobody gave it another name."""

    @property
    def name(self) -> str:
        """What reads the frames."""
        return self.title if self.reward is None else self.reward.name

    @property
    def reward(self) -> FrameReward | None:
        """What can be asked about any frame. None: it knows the labelled ones alone."""
        return None

    @property
    def spec(self) -> RewardSpec | None:
        """Everything that decides its scores. None: no file holds it."""
        return None if self.reward is None else self.reward.spec

    @property
    def fingerprint(self) -> str | None:
        """Which weights it reads with. None: unknown."""
        return None if self.reward is None else self.reward.fingerprint

    @property
    def capture(self) -> Preprocessing | None:
        """How frames may be shrunk before they are scored. None: not at all."""
        return None if self.reward is None else self.reward.capture

    @property
    def reads_as(self) -> Any:
        """Scorers that read frames alike have the same."""
        return id(self) if self.fingerprint is None else self.fingerprint

    def read(self, frames: Frames) -> FrameFeatures | None:
        """Return what there is to know of each frame. None: it looks at none."""
        return None if self.reward is None else self.reward.read(frames)

    @abstractmethod
    def columns(self, batch: LabelledFrames, seen: FrameFeatures | None) -> dict[str, Float[np.ndarray, " n"]]:
        """Return the ``score`` of each frame, and the parts that it is made of by their names.

        Args:
            batch: The frames.
            seen: What `read` returned for them, or that of another scorer that reads alike.
        """

    def embed_texts(self, sentences: Sequence[str]) -> Embeddings | None:
        """Return the embeddings of sentences, to compare frames with. None: it embeds none."""
        return None

    def score_texts(self, seen: FrameFeatures, texts: Sequence[str]) -> Float[np.ndarray, "n k"]:
        """Return the score of every frame with every text in the goal's place; SpecError where it scores no pairs.

        Args:
            seen: What `read` returned for the frames.
            texts: At least one sentence.
        """
        raise SpecError(f"{self.name} has no sentence that could be exchanged")

    def strange_words(self, sentence: str) -> list[str]:
        """Return the words of a sentence that its encoder says it does not know, or not of this scene."""
        return []

    def with_alphas(self, alphas: Sequence[float]) -> dict[float, "FrameScorer"]:
        """Return the same reward by other alphas; empty: it has none to choose."""
        return {}

    def with_prompts(self, prompts: PromptSet) -> "Scorer":
        """Return the same reward with other sentences; what labels have fitted is left out.

        Raises:
            SpecError: If it has no sentences, or cannot take these.
        """
        raise SpecError(f"{self.name} has no sentence that could be exchanged")

    def controls(self) -> Mapping[str, MakeControl]:
        """Return what makes each of its controls; empty: it has no sentence that could be exchanged."""
        return {}


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredElsewhere(Scorer):
    """Scores that something else gave."""

    scores: Scores
    """Score of each frame, by its name."""

    def columns(self, batch: LabelledFrames, seen: FrameFeatures | None) -> dict[str, Float[np.ndarray, " n"]]:
        """Return the score of each frame by its name; FrameError where one has none."""
        return {"score": self.scores.of(batch)}


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameScorer(Scorer):
    """A reward of frames."""

    asked: FrameReward
    """Reward that scores."""

    @property
    def reward(self) -> FrameReward:
        """Reward that scores."""
        return self.asked

    def columns(self, batch: LabelledFrames, seen: FrameFeatures | None) -> dict[str, Float[np.ndarray, " n"]]:
        """Return the score of each frame by itself, also of a reward that looks back, and its parts."""
        said = self.asked.explain(seen)
        beside = {*_NO_PARTS, *(seen.extra if seen is not None else ())}
        return {name: column.double().numpy() for name, column in said.items() if name not in beside}


@dataclass(frozen=True, kw_only=True, eq=False)
class SentenceScorer(FrameScorer):
    """A reward of sentences."""

    asked: RewardModel
    """Reward that scores."""
    device: str | None = None
    """Where its untrained twin runs. None: the best there is."""

    def embed_texts(self, sentences: Sequence[str]) -> Embeddings | None:
        """Return the embeddings of sentences by the encoder of the reward; None: cameras have sentences of their own.

        Of several cameras, a cosine with them is the mean of those with the pictures.
        """
        cameras = self.asked.spec.cameras
        if cameras is not None and not cameras.reads_goal:
            return None
        rows = self.asked.encoder.embed_texts(list(sentences))
        return rows if cameras is None else as_every_camera(rows, len(cameras.names))

    def score_texts(self, seen: FrameFeatures, texts: Sequence[str]) -> Float[np.ndarray, "n k"]:
        """Return the score of every frame with every text by itself, also of a reward that looks back."""
        scores = self._pairs.of_embeddings(seen.embeddings, list(texts))
        return scores.detach().double().cpu().numpy()

    def strange_words(self, sentence: str) -> list[str]:
        """Return the words of a sentence that its encoder does not know, or not of this scene."""
        domain = self.asked.encoder.domain
        return [] if domain is None else [word for words in domain.strange_words(sentence).values() for word in words]

    @cached_property
    def _pairs(self) -> PairScorer:
        spec = replace(self.asked.spec, over_time=None)
        if spec == self.asked.spec and spec.cameras is None:
            return self.asked.pairs
        return PairScorer(self.asked.encoder, spec, joins_cameras=True)

    def with_alphas(self, alphas: Sequence[float]) -> dict[float, FrameScorer]:
        """Return the same reward by other alphas; empty: it is no plain projection."""
        spec = self.asked.spec
        if not replace(spec, scaling=None).compares_alphas:
            return {}
        return {alpha: self._with(replace(spec, alpha=alpha)) for alpha in alphas}

    def with_prompts(self, prompts: PromptSet) -> Scorer:
        """Return the same reward with other sentences; SpecError where it cannot take these."""
        return self._with(replace(self._unfitted(), prompts=prompts))

    def controls(self) -> Mapping[str, MakeControl]:
        """Return what makes its controls: sentences about something else, the baseline, and random weights."""
        others: dict[str, MakeControl] = {f"“{sentence}”": partial(self._nonsense, sentence) for sentence in NONSENSE}
        return {**others, BASELINE: self._baseline, UNTRAINED: self._untrained}

    def _with(self, spec: RewardSpec) -> "SentenceScorer":
        return replace(self, title="reward", asked=self.asked.with_spec(spec))

    def _nonsense(self, sentence: str, encoders: Encoders) -> "SentenceScorer":
        spec = self._unfitted()
        prompts = spec.require_prompts()
        return self._with(replace(spec, prompts=PromptSet(sentence, prompts.baseline, prompts.negatives)))

    def _baseline(self, encoders: Encoders) -> "SentenceScorer":
        spec = self._unfitted()
        prompts = spec.require_prompts()
        if not prompts.baseline:
            raise SpecError("it has no baseline")
        if spec.options.projects:
            return self._with(replace(spec, prompts=PromptSet(prompts.baseline), alpha=0.0))
        return self._with(replace(spec, prompts=PromptSet(prompts.baseline, (), prompts.negatives)))

    def _untrained(self, encoders: Encoders) -> "SentenceScorer":
        spec = self._uncorrected()
        name = untrained(spec.encoder)
        if name is None:
            raise SpecError(f"no untrained model is known for {spec.encoder}")
        return SentenceScorer(asked=encoders.reward(replace(spec, encoder=name), self.device))

    def _unfitted(self) -> RewardSpec:
        """Another sentence would change nothing where labels or cameras say what the goal is."""
        spec = self._uncorrected()
        if not spec.reads_goal:
            raise SpecError("cameras or parts of it have sentences of their own, whatever the sentence says")
        return spec

    def _uncorrected(self) -> RewardSpec:
        """Labels would give the goal away; clips and thresholds would hide how well a control ranks."""
        spec = self.asked.spec
        if spec.options.is_fitted:
            raise SpecError(f"its head {spec.head} was fitted to labels, whatever the sentence says")
        return replace(spec.before(ORDER[0]), over_time=None)


def scorer_of(given: AnyReward, encoders: Encoders) -> Scorer:
    """Return what scores frames, of whatever a user gave.

    Args:
        given: As `vlmrm.report.evaluate` takes it.
        encoders: Those that are loaded already.

    Raises:
        SpecError: If it is nothing that scores frames.
    """
    match given:
        case str() | Path():
            return SentenceScorer(title=Path(given).stem, asked=encoders.reward(RewardSpec.load(given)))
        case RewardSpec():
            return SentenceScorer(title=given.encoder, asked=encoders.reward(given))
        case PlacedSpec(spec=spec, device=device):
            return SentenceScorer(title=spec.encoder, asked=encoders.reward(spec, device), device=device)
        case Scores():
            return ScoredElsewhere(title=given.name, scores=given)
        case RewardModel():
            return SentenceScorer(title=given.name, asked=given)
        case FrameReward():
            return FrameScorer(title=given.name, asked=given)
        case _ if callable(given):
            return FrameScorer(asked=FunctionReward(given))
    raise SpecError(f"a reward is a spec, the name of its file, a FrameReward or a function of frames; got {given!r}.")
