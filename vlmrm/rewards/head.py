"""What a reward is made of: a `Head` that scores single frames, and a `StepHead` that makes rewards of steps from that.

A `StepHead` does its work in two parts. `measure` is the heavy one and takes frames in any batch; what is left is
arithmetic on a few numbers a frame, for an episode at once (`rewards`) or for many environments step by step (`start`,
`advance`). Both ways give the same numbers, and no reward depends on a later frame.
"""

from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float
from torch import Tensor

from vlmrm.types import Embeddings, Rewards


@runtime_checkable
class Head(Protocol):
    """Turns the embeddings of frames into scores."""

    def __call__(self, embeddings: Embeddings) -> Rewards:
        """One score per embedding."""


@runtime_checkable
class UnsureHead(Head, Protocol):
    """A head that knows how unsure it is."""

    def std(self, rows: Float[Tensor, "n k"]) -> Rewards:
        """Standard deviation of the score of each frame, of rows as `RewardModel.embed` gives them."""


@runtime_checkable
class StepHead(Protocol):
    """Turns what a head says of frames into the rewards of steps."""

    @property
    def looks_back(self) -> bool:
        """Whether it needs the first frame of an episode."""

    def measure(self, embeddings: Embeddings) -> Float[Tensor, "n k"]:
        """What it needs to know of each frame."""

    def rewards(self, measured: Float[Tensor, "n k"], *, terminated: bool) -> Float[Tensor, " n-1"]:
        """Of the steps of one episode, or of its beginning.

        Args:
            measured: Of the first frame and of the frame after each step.
            terminated: Whether the last step ended the episode other than by a time limit.

        Returns:
            One reward per step, one fewer than there are frames.
        """

    def start(self, measured: Float[Tensor, "e k"]) -> Float[Tensor, "e s"]:
        """What to keep of the first frames of episodes, one row each."""

    def advance(
        self, state: Float[Tensor, "e s"], measured: Float[Tensor, "e k"], terminated: Bool[Tensor, " e"]
    ) -> tuple[Float[Tensor, "e s"], Rewards]:
        """One step of several episodes side by side.

        Args:
            state: As `start` or the last `advance` returned it.
            measured: Of the frames after the step.
            terminated: Whose episode the step ended other than by a time limit.

        Returns:
            What to keep for the next step, and the rewards of this one.
        """
