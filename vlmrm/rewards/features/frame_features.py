"""`FrameFeatures`: what there is to know of some frames before they are scored, and `FeatureExtractor`, which reads it.

Features are the heavy part of a reward and depend on the frame alone, so that they may be read in any batch, cached,
and read by another process. Extractors: `plain`, `views` (crops), `posterior`, `judged`, `clips`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from vlmrm.types import Embeddings, Frames, Rewards


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameFeatures:
    """One look at n frames; cut and joined by rows.

    Example:
        >>> seen = FrameFeatures(embeddings=torch.eye(3), extra={"judge": torch.tensor([0.1, 0.2, 0.3])})
        >>> len(seen), seen[1:].extra["judge"]
        (3, tensor([0.2000, 0.3000]))
        >>> len(FrameFeatures.join([seen, seen[:1]]))
        4
    """

    embeddings: Embeddings
    """Unit-length embeddings of the frames; of width 0 where only whole clips are embedded."""
    extra: Mapping[str, Tensor] = field(default_factory=dict)
    """What else was read, a row per frame: "variance" (n d), "crops" (n v d), "judge" (n), "pixels" (n s s 3)."""
    scores: Mapping[Any, Rewards] = field(default_factory=dict)
    """Scores that are known already, by what gave them; rows carry them along, so that nothing is scored twice."""

    def __len__(self) -> int:
        return len(self.embeddings)

    def __getitem__(self, rows: Any) -> "FrameFeatures":
        """Some of the rows: a slice, a list of indices, or a mask."""
        return FrameFeatures(
            embeddings=self.embeddings[rows],
            extra={name: values[rows] for name, values in self.extra.items()},
            scores={by: values[rows] for by, values in self.scores.items()},
        )

    def split(self, sizes: Sequence[int]) -> list["FrameFeatures"]:
        """Parts of so many rows each, in order; shares their memory."""
        ends = list(accumulate(sizes))
        return [self[end - size : end] for end, size in zip(ends, sizes, strict=True)]

    def with_scores(self, by: Any, scores: Rewards) -> "FrameFeatures":
        """The same features with scores that are known now.

        Args:
            by: What gave them; asked again, it finds them here.
            scores: One per frame.
        """
        return replace(self, scores={**self.scores, by: scores})

    @classmethod
    def join(cls, parts: Sequence["FrameFeatures"]) -> "FrameFeatures":
        """The rows of several, one after the other.

        Args:
            parts: Features that the same extractor read, at least one.
        """
        first = parts[0]
        return cls(
            embeddings=torch.cat([part.embeddings for part in parts]),
            extra={name: torch.cat([part.extra[name] for part in parts]) for name in first.extra},
            scores={
                by: torch.cat([part.scores[by] for part in parts])
                for by in first.scores
                if all(by in part.scores for part in parts)
            },
        )


def features_of(frames: Any, read: Callable[[Any], FrameFeatures]) -> FrameFeatures:
    """Return the features of frames, which are read unless they have been.

    Args:
        frames: Frames, or what `read` returned for them.
        read: Reads frames.
    """
    return frames if isinstance(frames, FrameFeatures) else read(frames)


@runtime_checkable
class FeatureExtractor(Protocol):
    """Reads frames: an encoder, or one with crops, a posterior or a judge."""

    @property
    def fingerprint(self) -> str:
        """Which weights, preprocessing and options it reads with."""

    def read(self, frames: Frames) -> FrameFeatures:
        """Return the features of any number of frames; how they are split into batches changes none."""
