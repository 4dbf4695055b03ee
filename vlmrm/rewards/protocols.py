"""What a reward is made of, as protocols and as the base classes of a spec's records.

    frames -> FeatureExtractor -> FrameFeatures -> Head -> ScoreTransform ... -> OverTime -> reward of a step

A record of a spec (`HeadOptions`, `TransformOptions`, `TimeOptions`) holds the options, is checked when the spec is
made, and builds its part of that line. Each stands in one file with the formula and the class that it builds. The base
class of transforms is in `vlmrm.rewards.transforms.options`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from jaxtyping import Bool, Float
from torch import Tensor

from vlmrm.encoders.domain_watch import DomainWatch
from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import SpecError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.judges import Judge
from vlmrm.prompts import PromptSet
from vlmrm.rewards.features.frame_features import FeatureExtractor, FrameFeatures
from vlmrm.types import Embeddings, Rewards

if TYPE_CHECKING:
    from vlmrm.rewards.features.judged import JudgedFeatures
    from vlmrm.rewards.score import Score
    from vlmrm.rewards.spec import RewardSpec
    from vlmrm.rewards.stream import RewardStream


@runtime_checkable
class Head(Protocol):
    """Turns the embeddings of frames into scores. Stateless: how frames are split into batches changes none."""

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """Return one score per embedding."""

    def columns(self, embeddings: Embeddings) -> Mapping[str, Rewards]:
        """Return the parts that a score is made of, by name; most heads have none."""
        return {}


ScoreEmbeddings = Callable[[Embeddings], Rewards]
"""Any function from embeddings to scores, of which a `Head` is one."""
ScoreFrames = Callable[[FrameFeatures], Rewards]
"""Scores single frames, or what was joined from several."""


@runtime_checkable
class PairHead(Protocol):
    """Scores every frame against every text, each text in the goal's place."""

    def __call__(self, embeddings: Embeddings, goals: Float[Tensor, "k d"]) -> Float[Tensor, "n k"]:
        """Return one score per frame and text."""


@runtime_checkable
class ScoreTransform(Protocol):
    """Makes another score of the score of a frame and what is known of it. Stateless."""

    def __call__(self, scores: Rewards, seen: FrameFeatures) -> Rewards:
        """Return the new score of each frame."""

    def std(self, std: Rewards | None, seen: FrameFeatures) -> Rewards | None:
        """Return the standard deviation of the new score, given that of the old one; None: nothing is known of it."""
        return std


@runtime_checkable
class OverTime(Protocol):
    """Makes the rewards of steps from the features of frames; made with the function that scores them."""

    needs_history: bool
    """Whether it needs the first frame of an episode."""

    def start(self, seen: FrameFeatures) -> Tensor:
        """Return what to keep of the first frames of episodes, one row each."""

    def advance(self, state: Tensor, seen: FrameFeatures, terminated: Bool[Tensor, " e"]) -> tuple[Tensor, Rewards]:
        """Take one step of several episodes side by side.

        Args:
            state: What `start` or the last `advance` returned.
            seen: Features of the frames after the step.
            terminated: Whose episode the step ended other than by a time limit.

        Returns:
            What to keep for the next step, and the rewards of this one.
        """

    def goal_reached(self, state: Tensor, rewards: Rewards) -> Bool[Tensor, " e"]:
        """Return whose last step showed the goal: by default, a reward above 0."""
        return rewards > 0


@runtime_checkable
class FrameReward(Protocol):
    """All that wrappers, callbacks, evaluations and reports may know of a reward."""

    @property
    def capture(self) -> Preprocessing | None:
        """How frames may be shrunk before they are scored; None: not at all."""

    @property
    def spec(self) -> "RewardSpec | None":
        """Everything that decides its numbers; None: a function of somebody's own, which no file can hold."""

    @property
    def name(self) -> str:
        """What to call it where it is reported."""

    @property
    def fingerprint(self) -> str | None:
        """Which weights it reads with; None: unknown."""

    def read(self, frames: Any) -> FrameFeatures:
        """Return what there is to know of each frame: the heavy part, in any batch."""

    def score(self, frames: Any) -> Rewards:
        """Return the score of each frame, of frames or of the features that `read` returned."""

    def explain(self, frames: Any) -> Mapping[str, Tensor]:
        """Return the score of each frame and what it is made of, as named columns."""

    def score_episode(self, frames: Any, *, terminated: bool = False) -> Rewards:
        """Return the rewards of the steps of an episode, one fewer than there are frames."""

    def stream(self, num_envs: int) -> "RewardStream":
        """Return what rewards episodes step by step as they happen."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Context:
    """What has been built of a reward so far; each record of the spec adds its part."""

    encoder: Encoder
    """The encoder of frames and sentences."""
    spec: "RewardSpec"
    """The whole spec."""
    embedder: FeatureExtractor
    """What reads the embeddings of frames, and need read no more."""
    extractor: FeatureExtractor
    """What reads all that is scored of the frames."""
    head: Head
    """What scores the embedding of a frame."""
    score: "Score"
    """The head, and the transforms so far."""
    watch: DomainWatch
    """What warns of strange frames."""
    judge: Judge | None = None
    """The judge that was given with the spec; None: the one that the spec names is loaded."""
    judged: "JudgedFeatures | None" = None
    """The extractor that asks the judge; None: none is asked."""

    def columns(self, embeddings: Embeddings) -> Mapping[str, Rewards]:
        """Return the parts of the head's score, by name."""
        return self.head.columns(embeddings)

    def then(self, transform: ScoreTransform) -> "Context":
        """Return the context with one more transform of the score."""
        return replace(self, score=self.score.then(transform))


@dataclass(frozen=True, kw_only=True)
class HeadOptions:
    """Base class for the options of a head; a head of another package inherits from it."""

    needs_negatives: ClassVar[bool] = False
    """Whether the head compares the goal with negative sentences."""
    is_fitted: ClassVar[bool] = False
    """Whether its options were fitted to one encoder, and say nothing of another."""
    projects: ClassVar[bool] = False
    """Whether it is the projection of the paper, which alpha is the share of."""
    score_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    """Between which numbers scores lie."""
    has_parts: ClassVar[bool] = False
    """Whether its score is made of parts, each of which may have a scaling of its own."""
    one_scale: ClassVar[bool] = False
    """Whether scores of different encoders can be compared, as probabilities can."""
    pairs: ClassVar[str | None] = None
    """Why pairs of pictures and texts cannot be scored with it; None: they can, if it has `build_pairs`."""
    refuses: ClassVar[Mapping[str, str]] = {}
    """Other words of a spec that this head cannot stand beside, each with the reason."""

    def check(self, spec: Any) -> None:
        """Refuse a spec whose sentences do not fit the head.

        Args:
            spec: Spec of the whole reward or of a part of an ensemble.

        Raises:
            VlmrmError: If they do not fit.
        """
        if self.needs_negatives and spec.prompts is not None and not spec.prompts.negatives:
            raise SpecError(
                f"head {spec.head!r} compares the goal with what is not wanted, and no negatives were given. Describe "
                "what must not be taken for the goal in negatives."
            )

    def reads_goal(self) -> bool:
        """Return whether the goal sentences of the spec decide its scores."""
        return True

    def without_fits(self, *words: str) -> "HeadOptions":
        """Return the options with words such as ``few_shot`` and ``scaling`` left out of the parts, if there are."""
        return self

    def scale_parts(
        self, encoder: Encoder, prompts: PromptSet, embeddings: Embeddings, scale: Callable[[Any, Rewards], Any]
    ) -> "HeadOptions":
        """Return the options with a scaling for each part, if there are: what `scale` makes of its spec and scores."""
        return self

    def sentences(self, prompts: PromptSet) -> Sequence[str]:
        """Return what the head embeds, word for word; words that an encoder does not know are warned of."""
        return *prompts.goal, *prompts.baseline, *prompts.negatives

    def build(self, encoder: Encoder, prompts: PromptSet, alpha: float) -> Head:
        """Return the head, its sentences embedded.

        Args:
            encoder: Embeds the sentences.
            prompts: Goal, baseline and negative sentences.
            alpha: Share of the goal-baseline projection, for heads that project.

        Raises:
            PromptError: If the sentences make no reward.
            SpecError: If an option is missing that the encoder has no value of its own for.
        """
        raise NotImplementedError

    def build_pairs(self, encoder: Encoder, prompts: PromptSet | None, alpha: float, rivals: str | None) -> PairHead:
        """Return what scores frames against texts, each text in the goal's place.

        Args:
            encoder: Embeds the other sentences.
            prompts: Baseline and negatives; the goal is not used. None: there are none.
            alpha: As in `build`.
            rivals: ``texts``: the other texts of a call are rivals of each; None: they are not.

        Raises:
            SpecError: If the head has no such form.
        """
        raise SpecError(f"score_pairs needs a head that has build_pairs, and {type(self).__name__} has none.")


@dataclass(frozen=True, kw_only=True)
class TimeOptions:
    """Base class for the options of an ``over_time`` kind; one of another package inherits from it."""

    says_goal_reached: ClassVar[bool] = False
    """Whether it knows by itself when the goal is reached."""
    sees_motion: ClassVar[bool] = False
    """Whether it embeds several frames together, as a motion needs."""
    scores_frames: ClassVar[bool] = True
    """Whether it asks for the score of each single frame, which then is made in large batches."""
    refuses: ClassVar[Mapping[str, str]] = {}
    """Other words of a spec that this kind cannot stand beside, each with the reason."""

    @property
    def agents_gamma(self) -> float | None:
        """The discount that the agent must have; None: any."""
        return None

    def check(self, spec: Any) -> None:
        """Refuse a spec that does not fit, by a SpecError."""

    def build_head(self, encoder: Encoder, prompts: PromptSet) -> Head | None:
        """Return the head of single frames that this kind brings itself; None: the spec's own."""
        return None

    def apply(self, context: Context) -> Context:
        """Return the context with another extractor, where this kind reads frames in its own way."""
        return context

    def build(self, context: Context) -> OverTime:
        """Return what makes rewards of steps.

        Args:
            context: Everything else of the reward; its `score` scores frames.
        """
        raise NotImplementedError
