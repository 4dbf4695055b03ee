"""Milestones: an ordered list of sentences, each to be reached in turn.

A mean over the frames of an episode is the same for every order of them, so that no reward of one frame, and no mean,
can ask for "first open the drawer, then take the spoon out"; CLIP and video models asked about whole videos fail at it
too (ViSTa, arXiv 2411.13211). Here the order is kept by counting: of K milestones only the next one is waited for. It
is reached once its probability, in a softmax over all milestones and the negatives, has been above a threshold for
`hold` frames in a row. With c milestones reached and p the probability of the next one, an episode has got as far as

    progress = (c + share · p) / K,        share < 1, p = 0 where c = K

and a step is paid what it adds to the farthest progress so far. An episode is paid 1 in all when the last milestone is
reached, and going back and forth pays nothing.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vlmrm.types import Embeddings, Rewards


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
class LastMilestone:
    """The head of single frames: how probable the last milestone is, whatever came before."""

    milestones: Float[Tensor, "k d"]
    """Unit-length rows, in order."""
    negatives: Float[Tensor, "r d"]
    """Unit-length rows of what shows none of them; may be empty."""
    temperature: float
    """Of the softmax, above 0."""

    def stages(self, embeddings: Embeddings) -> Float[Tensor, "n k"]:
        """`stage_probabilities` of each frame."""
        return stage_probabilities(embeddings, self.milestones, self.negatives, temperature=self.temperature)

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """One probability per embedding."""
        return self.stages(embeddings)[:, -1]


@dataclass(frozen=True, eq=False)
class Milestones:
    """Pays for each milestone once, when it is reached after those before it.

    What is kept of an episode: milestones reached, frames in a row that show the next one, farthest progress.

    Example:
        >>> head = LastMilestone(torch.eye(3)[:2], torch.eye(3)[2:], temperature=0.1)
        >>> milestones = Milestones(head, threshold=0.5, share=0.0)
        >>> nothing, first, second = 2, 0, 1
        >>> milestones.rewards(milestones.measure(torch.eye(3)[[nothing, first, second]]), terminated=False)
        tensor([0.5000, 0.5000])
        >>> milestones.rewards(milestones.measure(torch.eye(3)[[nothing, second, first]]), terminated=False)
        tensor([0.0000, 0.5000])
    """

    head: LastMilestone
    """Says how probable each is."""
    threshold: float = 0.5
    """Of the probability above which a frame shows a milestone."""
    hold: int = 1
    """Frames in a row that must show it."""
    share: float = 0.5
    """Of a milestone's worth that is paid for coming near it, at least 0 and below 1."""
    looks_back: bool = True
    """The first frame may show the first milestone."""

    def measure(self, embeddings: Embeddings) -> Float[Tensor, "n k"]:
        """Probability of each milestone."""
        return self.head.stages(embeddings)

    def rewards(self, measured: Float[Tensor, "n k"], *, terminated: bool) -> Float[Tensor, " n-1"]:
        """Of the steps of one episode."""
        progress = self._progress(self._counts(measured), measured)
        return progress.cummax(dim=0).values.diff()

    def start(self, measured: Float[Tensor, "e k"]) -> Float[Tensor, "e 3"]:
        """Where the first frames stand; what they show already is not paid for."""
        nothing = measured.new_zeros(len(measured), 3)
        return self._seen(nothing, measured)

    def advance(
        self, state: Float[Tensor, "e 3"], measured: Float[Tensor, "e k"], terminated: Bool[Tensor, " e"]
    ) -> tuple[Float[Tensor, "e 3"], Rewards]:
        """One step of several episodes."""
        after = self._seen(state, measured)
        return after, after[:, 2] - state[:, 2]

    def reached(self, state: Float[Tensor, "e 3"]) -> Bool[Tensor, " e"]:
        """Whose last milestone has been reached."""
        return state[:, 0] >= len(self.head.milestones)

    def _seen(self, state: Float[Tensor, "e 3"], measured: Float[Tensor, "e k"]) -> Float[Tensor, "e 3"]:
        count, held, farthest = state.unbind(dim=1)
        held = torch.where(self._of_next(count, measured) > self.threshold, held + 1, 0.0)
        arrived = held >= self.hold
        count, held = count + arrived, torch.where(arrived, 0.0, held)
        return torch.stack([count, held, torch.maximum(farthest, self._progress(count, measured))], dim=1)

    def _counts(self, measured: Float[Tensor, "n k"]) -> Float[Tensor, " n"]:
        """Milestones reached after each frame of an episode, found milestone by milestone instead of frame by frame."""
        counts, begin = measured.new_zeros(len(measured)), 0
        for column in (measured > self.threshold).T:
            if len(column) - begin < self.hold:
                break
            held = column[begin:].unfold(0, self.hold, 1).all(dim=1).nonzero()
            if not len(held):
                break
            begin += int(held[0]) + self.hold
            counts[begin - 1 :] += 1
        return counts

    def _progress(self, counts: Float[Tensor, " n"], measured: Float[Tensor, "n k"]) -> Rewards:
        return (counts + self.share * self._of_next(counts, measured)) / measured.shape[1]

    @staticmethod
    def _of_next(count: Float[Tensor, " e"], measured: Float[Tensor, "e k"]) -> Float[Tensor, " e"]:
        """Probability of the next milestone, 0 where all are reached."""
        with_end = torch.cat([measured, measured.new_zeros(len(measured), 1)], dim=1)
        return with_end.gather(1, count.long()[:, None])[:, 0]
