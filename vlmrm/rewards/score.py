"""`Score`: a head and its transforms, the score of a frame."""

import math
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.domain_watch import DomainWatch
from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import SpecError
from vlmrm.judges import Judge
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.features.plain import PlainFeatures
from vlmrm.rewards.protocols import Context, Head, PairHead, ScoreEmbeddings, ScoreTransform
from vlmrm.types import Embeddings, Rewards


@dataclass(frozen=True, eq=False)
class Score:
    """Scores frames: the head on their embeddings, then each transform in turn. Stateless."""

    head: ScoreEmbeddings
    """Scores the embeddings: a `Head`, or any function of embeddings."""
    transforms: tuple[ScoreTransform, ...] = ()
    """Change the scores, in this order."""

    def __call__(self, seen: FrameFeatures) -> Rewards:
        """Return one score per frame; those that the features carry along are not made again."""
        if self in seen.scores:
            return seen.scores[self]
        scores = self.head(seen.embeddings)
        for transform in self.transforms:
            scores = transform(scores, seen)
        return require_finite_rewards(scores)

    def std(self, seen: FrameFeatures) -> Rewards | None:
        """Return the standard deviation of the score of each frame; None: nothing is known of it."""
        std: Rewards | None = None
        for transform in self.transforms:
            std = transform.std(std, seen)
        return std

    def of_embeddings(self, embeddings: Embeddings) -> Rewards:
        """Return the scores of embeddings of which nothing else is known."""
        return self(FrameFeatures(embeddings=embeddings))

    def then(self, transform: ScoreTransform) -> "Score":
        """Return this score with one more transform."""
        return Score(self.head, (*self.transforms, transform))


def require_finite_rewards(rewards: Tensor) -> Tensor:
    """Return the rewards; raise where one is NaN or infinite, from which an agent would learn nothing but NaN.

    Args:
        rewards: Of any shape.

    Raises:
        SpecError: If any value is NaN or infinite.
    """
    if not bool(rewards.isfinite().all()):
        bad = int((~rewards.isfinite()).sum())
        raise SpecError(
            f"{bad} of {rewards.numel()} rewards are NaN or infinite: a number of the spec is too large or too small. "
            "Look at scaling, at over_time and at the options of the head."
        )
    return rewards


def build_score(encoder: Encoder, spec: Any) -> Score:
    """The score of a part of an ensemble, or of a spec's head and transforms without judge and crops.

    Args:
        encoder: Embeds the sentences, once.
        spec: A `RewardSpec`, or a part of an ensemble; its head, prompts and transforms count.

    Raises:
        PromptError: If the sentences make no reward, e.g. goal and baseline have the same embedding.
        SpecError: If an option is missing that the encoder has no value of its own for.
        EncoderError: If the encoder returned NaN or infinity.
    """
    return build_context(encoder, spec).score


def build_context(encoder: Encoder, spec: Any, judge: Judge | None = None, head: Head | None = None) -> Context:
    """Everything up to the score of a frame: the extractor, the head, and the transforms in their order.

    Args:
        encoder: The encoder of frames and sentences.
        spec: A `RewardSpec` or a part of an ensemble.
        judge: The judge to ask instead of the one named in the spec. None: that one is loaded.
        head: The head instead of the spec's. None: that one is built.
    """
    own = spec.options.build(encoder, spec.prompts, spec.alpha) if head is None else head
    return _with_transforms(encoder, spec, own, judge)


def build_pairs(encoder: Encoder, spec: Any, rivals: str | None = None, *, joins_cameras: bool = False) -> PairHead:
    """What scores frames against texts: the head with each text in the goal's place, then scaling and threshold.

    Args:
        encoder: Embeds the other sentences.
        spec: A `RewardSpec` or a part of an ensemble.
        rivals: ``texts`` or ``pictures``: those of a call compete with one another, for the head softmax.
        joins_cameras: Frames are of all cameras of the spec, and their scores of a text are joined; else a spec with
            cameras is refused.

    Raises:
        SpecError: If the head, or a transform of the spec, cannot score pairs.
    """
    for word, options in {f"the head {spec.head!r}": spec.options, **spec.transforms()}.items():
        if options.pairs is not None and not (joins_cameras and options is spec.cameras):
            raise SpecError(f"score_pairs cannot be asked of a reward with {word}: {options.pairs}.")
    head = spec.options.build_pairs(encoder, spec.prompts, spec.alpha, rivals)
    if joins_cameras and spec.cameras is not None:
        head = spec.cameras.joined_pairs(head)
    transforms = _with_transforms(encoder, spec, _FirstColumn()).score.transforms

    def score(embeddings: Float[Tensor, "n vd"], goals: Float[Tensor, "k d"]) -> Float[Tensor, "n k"]:
        scores: Tensor = head(embeddings, goals)
        if not transforms:
            return scores
        flat, nothing = scores.flatten(), FrameFeatures(embeddings=scores.new_zeros(scores.numel(), 0))
        for transform in transforms:
            flat = transform(flat, nothing)
        return flat.reshape(scores.shape)

    return score


def _with_transforms(encoder: Encoder, spec: Any, head: Head, judge: Judge | None = None) -> Context:
    watch = DomainWatch(encoder, spec.options.sentences(spec.prompts) if spec.prompts else ())
    extractor, score = PlainFeatures(encoder, watch), Score(head)
    context = Context(
        encoder=encoder, spec=spec, embedder=extractor, extractor=extractor, head=head, score=score, watch=watch,
        judge=judge,
    )  # fmt: skip
    for options in spec.transforms().values():
        context = options.apply(context)
    return context


class _FirstColumn(Head):
    """Stands for the head where scores of pairs pass the transforms."""

    def __call__(self, embeddings: Embeddings) -> Rewards:
        return embeddings[:, 0]


def require_range(spec: Any) -> None:
    """Refuse a threshold outside the range of the scores it is compared with.

    Raises:
        SpecError: If the threshold is not a number in that range.
    """
    threshold = spec.threshold
    if threshold is None:
        return
    rescaled = any(options.rescales for options in spec.transforms().values())
    low, high = (-math.inf, math.inf) if rescaled else spec.options.score_range
    number = isinstance(threshold, int | float) and not isinstance(threshold, bool)
    if not number or not low <= threshold <= high:
        raise SpecError(
            f"threshold must lie in {low:g} to {high:g}, as the scores of head {spec.head!r} do; got {threshold!r}."
        )
