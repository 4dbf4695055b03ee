"""Rewards that look back: differences, potential-based shaping and windows, each over any head.

A head scores one frame at a time, m(s). What an agent is paid for may need more than one frame:

- `PlainSteps`: m of the frame after the step, which looks back at nothing.
- `difference`: what the step has gained, ``m(s') - m(s)``; an episode's rewards add up to its last score less its
  first.
- `Shaping`: ``gamma m(s') - m(s)``, with m = 0 where the episode has terminated: added to another reward it changes no
  optimal policy (Ng, Harada and Russell 1999, "Policy invariance under reward transformations", theorem 1).
- `Window`: the head on the mean of the last few frames' embeddings, as CLIP is asked about videos (ViSTa, arXiv
  2411.13211). A mean does not know in which order its frames came; see `vlmrm.rewards.milestones` for rewards that do.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vlmrm.rewards.head import Head
from vlmrm.types import Embeddings, Rewards


@dataclass(frozen=True, eq=False)
class PlainSteps:
    """A step is worth what the frame after it is worth."""

    head: Head
    """Scores the frames."""
    looks_back: bool = False
    """The first frame of an episode is not rewarded, and not looked at."""

    def measure(self, embeddings: Embeddings) -> Float[Tensor, "n 1"]:
        """The scores."""
        return self.head(embeddings)[:, None]

    def rewards(self, measured: Float[Tensor, "n 1"], *, terminated: bool) -> Float[Tensor, " n-1"]:
        """Of the steps of one episode."""
        return measured[1:, 0]

    def start(self, measured: Float[Tensor, "e 1"]) -> Float[Tensor, "e 0"]:
        """Nothing."""
        return measured[:, :0]

    def advance(
        self, state: Float[Tensor, "e 0"], measured: Float[Tensor, "e 1"], terminated: Bool[Tensor, " e"]
    ) -> tuple[Float[Tensor, "e 0"], Rewards]:
        """One step of several episodes."""
        return state, measured[:, 0]


@dataclass(frozen=True, eq=False)
class Shaping:
    """``gamma m(s') - m(s)``, and ``-m(s)`` for a step that terminates; with gamma 1 and `ends_at_zero` off, progress.

    Example:
        >>> scores = torch.tensor([[0.2], [0.5], [0.4]])  # of the first frame and after two steps
        >>> shaping = Shaping(lambda embeddings: embeddings[:, 0], gamma=0.5)
        >>> shaping.rewards(scores, terminated=False).round(decimals=2)
        tensor([ 0.0500, -0.3000])
        >>> shaping.rewards(scores, terminated=True).round(decimals=2)
        tensor([ 0.0500, -0.5000])
    """

    head: Head
    """Scores the frames; the potential."""
    gamma: float
    """The agent's discount, 0 to 1."""
    ends_at_zero: bool = True
    """Whether the potential of a terminal state is 0, which the theorem asks for."""
    looks_back: bool = True
    """The first frame has a potential."""

    def measure(self, embeddings: Embeddings) -> Float[Tensor, "n 1"]:
        """The scores."""
        return self.head(embeddings)[:, None]

    def rewards(self, measured: Float[Tensor, "n 1"], *, terminated: bool) -> Float[Tensor, " n-1"]:
        """Of the steps of one episode."""
        scores = measured[:, 0]
        after = scores[1:].clone()
        if terminated and self.ends_at_zero and len(after):
            after[-1] = 0.0
        return self.gamma * after - scores[:-1]

    def start(self, measured: Float[Tensor, "e 1"]) -> Float[Tensor, "e 1"]:
        """The scores of the first frames."""
        return measured

    def advance(
        self, state: Float[Tensor, "e 1"], measured: Float[Tensor, "e 1"], terminated: Bool[Tensor, " e"]
    ) -> tuple[Float[Tensor, "e 1"], Rewards]:
        """One step of several episodes."""
        ended = terminated if self.ends_at_zero else torch.zeros_like(terminated)
        after = torch.where(ended, 0.0, measured[:, 0])
        return measured, self.gamma * after - state[:, 0]


def difference(head: Head) -> Shaping:
    """What each step has gained, ``m(s') - m(s)``, up to the last one, however the episode ends.

    Example:
        >>> progress = difference(lambda embeddings: embeddings[:, 0])
        >>> progress.rewards(torch.tensor([[0.2], [0.5], [0.4]]), terminated=True).round(decimals=2)
        tensor([ 0.3000, -0.1000])
    """
    return Shaping(head, gamma=1.0, ends_at_zero=False)


@dataclass(frozen=True, eq=False)
class Window:
    """The head on the mean of the last `length` frames' embeddings, brought back to unit length.

    At the start of an episode there are fewer frames to take the mean of; its first frame is one of them.

    Example:
        >>> window = Window(lambda embeddings: embeddings[:, 0], length=2)
        >>> window.rewards(torch.eye(2)[[0, 0, 1, 1]], terminated=False).round(decimals=4)
        tensor([1.0000, 0.7071, 0.0000])
    """

    head: Head
    """Scores the mean."""
    length: int
    """Of the window, at least 1."""
    looks_back: bool = True
    """The first frame belongs to the first windows."""

    def measure(self, embeddings: Embeddings) -> Float[Tensor, "n d"]:
        """The embeddings themselves."""
        return embeddings

    def rewards(self, measured: Float[Tensor, "n d"], *, terminated: bool) -> Float[Tensor, " n-1"]:
        """Of the steps of one episode."""
        padded = torch.cat([measured.new_zeros(self.length - 1, measured.shape[1]), measured])
        return self._of_sums(padded.unfold(0, self.length, 1).sum(dim=2)[1:])

    def start(self, measured: Float[Tensor, "e d"]) -> Float[Tensor, "e w"]:
        """The last `length` - 1 embeddings, the oldest first; zeros where there are none yet."""
        width = measured.shape[1]
        kept = measured.new_zeros(len(measured), self.length, width)
        kept[:, -1] = measured
        return kept[:, 1:].flatten(1)

    def advance(
        self, state: Float[Tensor, "e w"], measured: Float[Tensor, "e d"], terminated: Bool[Tensor, " e"]
    ) -> tuple[Float[Tensor, "e w"], Rewards]:
        """One step of several episodes."""
        seen = torch.cat([state, measured], dim=1).reshape(len(state), self.length, -1)  # e l d
        return seen[:, 1:].flatten(1), self._of_sums(seen.sum(dim=1))

    def _of_sums(self, sums: Float[Tensor, "n d"]) -> Rewards:
        return self.head(torch.nn.functional.normalize(sums, dim=1))
