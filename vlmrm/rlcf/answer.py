"""What is said of one query, and the protocol of whatever says it: an adapter, or a method without training."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.frames.batch import as_frames
from vlmrm.rlcf.episode import Episode

Logits = Float[Tensor, "n k"]
"""One row for each picture; one column for each answer."""


@dataclass(frozen=True, eq=False)
class Answer:
    """Logits of one query, and how they came about."""

    logits: Float[Tensor, " k"]
    """One number for each answer; the softmax is the chance of each."""
    episode: Episode = field(default_factory=lambda: Episode(adapted=False))
    """What adaptation did, if there was any."""


@runtime_checkable
class Answerer(Protocol):
    """Whatever answers one query after the other."""

    def answer(self, query: Any, *, trace: bool = False) -> Any:
        """Return the answer to one query: an `Answer`, or of captions a record of their own.

        Args:
            query: One RGB picture at full size, as a batch of one, or a list of one text.
            trace: Also keep what the answer is after each step, where there are steps.
        """

    def reset(self) -> None:
        """Forget what earlier queries have left behind."""


class WithoutEpisodes(ABC):
    """Answers without steps: subclasses say how."""

    def answer(self, query: Any, *, trace: bool = False) -> Answer:
        """Return the answer to one query."""
        with torch.inference_mode():
            return Answer(self._logits(query))

    def predict(self, images: Any) -> Logits:
        """Return the logits of pictures, in order."""
        return torch.stack([self.answer(picture[None]).logits for picture in as_frames(images)])

    def reset(self) -> None:  # noqa: B027  # most methods remember no query
        """Forget earlier queries."""

    @abstractmethod
    def _logits(self, query: Any) -> Float[Tensor, " k"]:
        """Return one number for each answer."""
