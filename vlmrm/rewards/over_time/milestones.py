"""``milestones``: an ordered list of sentences, each to be reached in turn.

A mean over the frames of an episode is the same for every order of them, so that no reward of one frame, and no mean,
can ask for "first open the drawer, then take the spoon out"; CLIP and video models asked about whole videos fail at it
too (ViSTa, arXiv 2411.13211). Here the order is kept by counting: of K milestones only the next one is waited for. It
is reached once its probability, in a softmax over all milestones and the negatives, has been above a threshold for
`hold` frames in a row. With c milestones reached and p the probability of the next one, an episode has got as far as

    progress = (c + share · p) / K,        share < 1, p = 0 where c = K

and a step is paid what it adds to the farthest progress so far. An episode is paid 1 in all when the last milestone is
reached, and going back and forth pays nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import SpecError
from vlmrm.prompts import PromptSet
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.heads.sentences import embed_apart
from vlmrm.rewards.heads.softmax import temperature_of
from vlmrm.rewards.protocols import Context, Head, OverTime, TimeOptions
from vlmrm.rewards.transforms import ORDER
from vlmrm.types import Embeddings, Rewards
from vlmrm.values import require_above_0, require_number, require_share, require_whole

_OWN = "each milestone has a probability of its own"


@dataclass(frozen=True, kw_only=True)
class MilestonesOptions(TimeOptions):
    """Options of the kind ``milestones``: the sentences of `goal`, to be reached in turn.

    The score of a single frame is the probability of the last milestone.
    """

    says_goal_reached: ClassVar[bool] = True
    scores_frames: ClassVar[bool] = False
    refuses: ClassVar[Mapping[str, str]] = dict.fromkeys(ORDER, f"{_OWN}, which that cannot change")
    temperature: int | float | None = None
    """Temperature of the softmax over milestones and negatives, above 0. None: the model's own."""
    threshold: int | float = 0.5
    """Probability above which a frame shows a milestone, 0 to 1."""
    hold: int = 1
    """Number of frames in a row that must show a milestone, at least 1."""
    share: int | float = 0.5
    """Share of a milestone's worth that is paid for coming near it, at least 0 and below 1."""

    def __post_init__(self) -> None:
        if self.temperature is not None:
            require_above_0("temperature", self.temperature)
        require_share("threshold", self.threshold)
        require_whole("hold", self.hold)
        require_number("share", self.share)
        if not 0 <= self.share < 1:
            raise SpecError(f"share must be at least 0 and below 1, or nothing is left for arriving; got {self.share}.")

    def check(self, spec: Any) -> None:
        """Refuse a single milestone, and a head of the spec's own.

        Raises:
            SpecError: If there is one sentence only, or another head is named.
        """
        if not spec.options.projects:
            raise SpecError(f"milestones score frames in their own way; leave out head={spec.head!r}.")
        if spec.prompts is None or len(spec.prompts.goal) < 2:
            raise SpecError(
                "milestones are reached one after the other, and only one was given. List at least two in goal, or use "
                "another kind of over_time."
            )

    def build_head(self, encoder: Encoder, prompts: PromptSet) -> "LastMilestone":
        """Return the last milestone's probability as the score of a frame."""
        milestones, others = embed_apart(encoder, prompts.goal, prompts.negatives)
        return LastMilestone(milestones, others, temperature_of(encoder, self.temperature))

    def build(self, context: Context) -> "Milestones":
        """Return what pays for each milestone once."""
        head: Any = context.head
        return Milestones(head, threshold=float(self.threshold), hold=self.hold, share=float(self.share))


def stage_probabilities(
    frames: Embeddings,
    milestones: Float[Tensor, "k d"],
    negatives: Float[Tensor, "r d"],
    *,
    temperature: float,
) -> Float[Tensor, "n k"]:
    """Probability of each milestone among all of them and the negatives.

    Args:
        frames: Unit-length frame embeddings.
        milestones: Unit-length rows, in order.
        negatives: Unit-length rows of what shows none of them; may be empty.
        temperature: Above 0; CLIP's own is 1 over its logit scale.

    Example:
        >>> first, second, nothing = torch.eye(3)
        >>> stage_probabilities(torch.eye(3), torch.stack([first, second]), nothing[None], temperature=0.2).round(
        ...     decimals=2
        ... )
        tensor([[0.9900, 0.0100],
                [0.0100, 0.9900],
                [0.0100, 0.0100]])
    """
    probabilities = (frames @ torch.cat([milestones, negatives]).T / temperature).softmax(dim=1)
    return probabilities[:, : len(milestones)]


@dataclass(frozen=True, eq=False)
class LastMilestone(Head):
    """The head of single frames: how probable the last milestone is, whatever came before."""

    milestones: Float[Tensor, "k d"]
    """Unit-length embeddings of the milestones, in order."""
    negatives: Float[Tensor, "r d"]
    """Unit-length embeddings of what shows none of them; may be empty."""
    temperature: float
    """Temperature of the softmax, above 0."""

    def stages(self, embeddings: Embeddings) -> Float[Tensor, "n k"]:
        """Return `stage_probabilities` of each frame."""
        return stage_probabilities(embeddings, self.milestones, self.negatives, temperature=self.temperature)

    def columns(self, embeddings: Embeddings) -> Mapping[str, Rewards]:
        """Return the probability of each milestone."""
        return {f"milestone {number}": p for number, p in enumerate(self.stages(embeddings).T, start=1)}

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """Return one probability per embedding."""
        return self.stages(embeddings)[:, -1]


@dataclass(frozen=True, eq=False)
class Milestones(OverTime):
    """Pays for each milestone once, when it is reached after those before it.

    The state of an episode: milestones reached, frames in a row that show the next one, farthest progress.

    Example:
        >>> head = LastMilestone(torch.eye(3)[:2], torch.eye(3)[2:], temperature=0.1)
        >>> milestones, going_on = Milestones(head, threshold=0.5, share=0.0), torch.tensor([False])
        >>> first, second, nothing = (FrameFeatures(embeddings=row[None]) for row in torch.eye(3))
        >>> state, paid = milestones.advance(milestones.start(nothing), first, going_on)
        >>> float(paid), float(milestones.advance(state, second, going_on)[1])
        (0.5, 0.5)
        >>> float(milestones.advance(milestones.start(nothing), second, going_on)[1])
        0.0
    """

    head: LastMilestone
    """Says how probable each milestone is."""
    threshold: float = 0.5
    """Probability above which a frame shows a milestone."""
    hold: int = 1
    """Number of frames in a row that must show it."""
    share: float = 0.5
    """Share of a milestone's worth that is paid for coming near it, at least 0 and below 1."""
    needs_history: bool = True
    """The first frame may show the first milestone."""

    def start(self, seen: FrameFeatures) -> Float[Tensor, "e 3"]:
        """Return where the first frames stand; what they show already is not paid for."""
        return self._after(torch.zeros(len(seen), 3), self.head.stages(seen.embeddings))

    def advance(
        self, state: Float[Tensor, "e 3"], seen: FrameFeatures, terminated: Bool[Tensor, " e"]
    ) -> tuple[Float[Tensor, "e 3"], Rewards]:
        """Take one step of several episodes."""
        after = self._after(state, self.head.stages(seen.embeddings))
        return after, after[:, 2] - state[:, 2]

    def goal_reached(self, state: Float[Tensor, "e 3"], rewards: Rewards) -> Bool[Tensor, " e"]:
        """Return whose last milestone has been reached."""
        return state[:, 0] >= len(self.head.milestones)

    def _after(self, state: Float[Tensor, "e 3"], stages: Float[Tensor, "e k"]) -> Float[Tensor, "e 3"]:
        count, held, farthest = state.unbind(dim=1)
        held = torch.where(self._of_next(count, stages) > self.threshold, held + 1, 0.0)
        arrived = held >= self.hold
        count, held = count + arrived, torch.where(arrived, 0.0, held)
        progress = (count + self.share * self._of_next(count, stages)) / stages.shape[1]
        return torch.stack([count, held, torch.maximum(farthest, progress)], dim=1)

    @staticmethod
    def _of_next(count: Float[Tensor, " e"], stages: Float[Tensor, "e k"]) -> Float[Tensor, " e"]:
        """Probability of the next milestone, 0 where all are reached."""
        with_end = torch.cat([stages, stages.new_zeros(len(stages), 1)], dim=1)
        return with_end.gather(1, count.long()[:, None])[:, 0]
