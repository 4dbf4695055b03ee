"""An expensive judge where a cheap reward is high: what is paid above a score is the judge's word, not the score.

A cheap score is dense and guides well while it is low; where it is high an agent finds what fools it. There it counts
no farther than `above`, and a judge, who is asked about those few frames only, decides what is paid on top. With the
dense score s and the judge's probability p

    r = s where s <= above,    r = above + bonus p where s > above

so that no reward is above ``above + bonus``, and none falls because the judge is surer. VLM3D (arXiv 2509.15772) and
TOPReward (arXiv 2602.19313) take the probability of an answer as the reward itself, of every frame.

Rows of ``[embedding | p]``, where p is 0 for frames that it was not asked about, take the place of embeddings. They may
be cached and come in any batch, as embeddings do.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import EncoderError
from vlmrm.rewards.checks import require_above_0, require_number
from vlmrm.rewards.head import Head
from vlmrm.rewards.scaling import ScaledHead
from vlmrm.rewards.threshold import ThresholdHead
from vlmrm.types import Frames, Rewards

JudgedRows = Float[Tensor, "n d1"]


@runtime_checkable
class Judge(Protocol):
    """Says of each frame by itself how probable it is that it shows what is wanted."""

    def probabilities(self, frames: Frames) -> Rewards:
        """0 to 1 for each frame, whatever the other frames are."""


def worth_asking(dense: Rewards, above: int | float) -> Bool[Tensor, " n"]:
    """Whose score is so high that a judge decides.

    Args:
        dense: Scores of the cheap reward.
        above: At it the score still counts.

    Example:
        >>> worth_asking(torch.tensor([0.2, 0.5, 0.7]), 0.5)
        tensor([False, False,  True])
    """
    return dense > above


def gate(dense: Rewards, judged: Rewards, *, above: int | float, bonus: int | float) -> Rewards:
    """The dense score up to `above`, and beyond it `above` and the judge's share of `bonus`.

    Args:
        dense: Scores of the cheap reward.
        judged: Probabilities of the judge; not looked at where the score is not above `above`.
        above: At it the score still counts.
        bonus: What a judge who is sure adds.

    Example:
        >>> gate(torch.tensor([0.2, 0.7, 0.9]), torch.tensor([0.0, 1.0, 0.1]), above=0.5, bonus=2.0)
        tensor([0.2000, 2.5000, 0.7000])
    """
    return torch.where(worth_asking(dense, above), above + bonus * judged, dense)


@dataclass(frozen=True, eq=False)
class GateHead:
    """`gate` of another head's scores; stateless.

    Raises:
        SpecError: `above` is no number, or `bonus` none above 0.

    Example:
        >>> head = GateHead(lambda embeddings: embeddings[:, 0], above=0.5, bonus=1.0)
        >>> head(torch.tensor([[0.2, 0.0, 0.0], [0.9, 0.0, 0.25], [0.6, 0.0, 0.25]]))
        tensor([0.2000, 0.7500, 0.7500])
    """

    head: Head
    """The cheap reward."""
    above: int | float
    """At it the cheap reward still counts."""
    bonus: int | float
    """What a judge who is sure adds, above 0."""

    def __post_init__(self) -> None:
        require_number("above", self.above)
        require_above_0("bonus", self.bonus)

    def __call__(self, embeddings: JudgedRows) -> Rewards:
        """One reward per row of ``[embedding | p]``."""
        return gate(self.head(embeddings[:, :-1]), embeddings[:, -1], above=self.above, bonus=self.bonus)


def find_gate(head: Head) -> GateHead | None:
    """The gate within a head that scaling and threshold may stand around; None: there is none.

    Args:
        head: As `vlmrm.rewards.build.build_head` makes it.
    """
    while isinstance(head, ScaledHead | ThresholdHead):
        head = head.head
    return head if isinstance(head, GateHead) else None


class JudgedFrames:
    """Embeds all frames, and asks a judge about those that a head scores above a threshold.

    Args:
        encoder: Embeds the frames.
        head: The cheap reward, as in `GateHead`.
        judge: The expensive one.
        above: As in `GateHead`.

    Raises:
        SpecError: `above` is no number.
    """

    def __init__(self, encoder: Encoder, head: Head, judge: Judge, above: int | float) -> None:
        require_number("above", above)
        self._encoder, self._head, self._judge, self._above = encoder, head, judge, above
        self.seen = 0
        """Frames so far."""
        self.asked = 0
        """How many of them the judge was asked about."""

    def rows(self, frames: Frames) -> JudgedRows:
        """Embeddings and the judge's probabilities side by side; 0 where it was not asked.

        Args:
            frames: RGB; any height and width.

        Raises:
            EncoderError: The judge answers not once for each frame, or not with 0 to 1.
        """
        embeddings = self._encoder.embed_frames(frames)
        doubtful = worth_asking(self._head(embeddings), self._above)
        column = embeddings.new_zeros(len(embeddings))
        if bool(doubtful.any()):
            column[doubtful] = self._ask(frames[doubtful]).to(column)
        self.seen, self.asked = self.seen + len(frames), self.asked + int(doubtful.sum())
        return torch.cat([embeddings, column[:, None]], dim=1)

    def _ask(self, frames: Frames) -> Rewards:
        answers = self._judge.probabilities(frames)
        if answers.shape != (len(frames),):
            raise EncoderError(
                f"the judge was asked about {len(frames)} frames and gave numbers of shape {tuple(answers.shape)}. "
                "It must give one for each frame."
            )
        wrong = ~((answers >= 0) & (answers <= 1))  # NaN too
        if bool(wrong.any()):
            raise EncoderError(
                f"a judge's probability must lie in 0 to 1; got {float(answers[wrong][0])} for {int(wrong.sum())} of "
                f"{len(frames)} frames. Check its weights, or give the sigmoid of its log-odds."
            )
        return answers
