"""`FewShotOptions`: labelled frames written down as plain values, and read again."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.fingerprint import require_same_weights
from vlmrm.errors import SpecError
from vlmrm.rewards.protocols import Context, ScoreEmbeddings, ScoreTransform
from vlmrm.rewards.transforms.few_shot.support import Support
from vlmrm.rewards.transforms.options import TransformOptions
from vlmrm.types import Embeddings


@dataclass(frozen=True, kw_only=True)
class FewShotOptions(TransformOptions):
    """Base class for the options of a ``few_shot`` method: the labelled frames, embedded."""

    rescales: ClassVar[bool] = True
    pairs: ClassVar[str | None] = "its frames are labelled for one goal, not for each text"
    needs_labels: ClassVar[bool] = True
    """Whether it needs frames of both; without labels all frames show the goal."""
    replaces_goal: ClassVar[bool] = False
    """Whether the frames take the place of the goal sentences."""
    encoder: str
    """Name of the encoder that embedded the frames."""
    fingerprint: str
    """Fingerprint of the encoder that embedded the frames."""
    labels: Sequence[int | float]
    """Labels of the frames: 1 success, 0 failure, or the progress in between."""
    embeddings: str
    """Embeddings of the frames, one after the other: float32, little-endian, in base64."""

    def __post_init__(self) -> None:
        if not isinstance(self.labels, Iterable):
            raise SpecError(f"labels are a list with a number for each frame; got {self.labels!r}.")
        object.__setattr__(self, "labels", tuple(self.labels))

    def check(self, spec: Any) -> None:
        """Refuse a spec with another encoder.

        Raises:
            SpecError: If the frames were embedded by another.
        """
        if spec.encoder is not None and self.encoder != spec.encoder:
            raise SpecError(
                f"few_shot was fitted with {self.encoder!r}, and the reward's encoder is {spec.encoder!r}. Fit it "
                "again with the other encoder."
            )

    def apply(self, context: Context) -> Context:
        """Return the context with scores that the labelled frames correct.

        Raises:
            SpecError: If the frames cannot be read, or make no reward.
        """
        self.require_same_weights(context.encoder)
        return context.then(self.correction(self.support(), context.score.of_embeddings))

    def require_same_weights(self, encoder: Encoder) -> None:
        """Refuse an encoder that would embed the frames otherwise.

        Raises:
            SpecError: If its weights or preprocessing are others.
        """
        require_same_weights("few_shot", self.fingerprint, encoder.name, encoder.fingerprint)

    def correction(self, support: Support, text: ScoreEmbeddings) -> ScoreTransform:
        """Return the correction that the support makes of the text's score.

        Args:
            support: The labelled frames.
            text: Scores embeddings by the sentences.
        """
        raise NotImplementedError

    def support(self) -> Support:
        """Return the labelled frames.

        Raises:
            SpecError: If they cannot be read, or their labels are all the same.
        """
        return Support(self.rows(), torch.tensor(self.labels, dtype=torch.float32))

    def rows(self) -> Embeddings:
        """Return the embeddings of the frames.

        Raises:
            SpecError: If they cannot be read.
        """
        try:
            values = np.frombuffer(base64.b64decode(self.embeddings, validate=True), dtype="<f4")
        except (binascii.Error, ValueError) as error:
            raise SpecError(
                f"the embeddings in few_shot are not float32 numbers in base64: {error}. Fit it again."
            ) from error
        count = len(self.labels)
        if not count or len(values) % count:
            raise SpecError(
                f"few_shot.embeddings holds {len(values)} numbers, which {count} labels do not divide. Fit it again."
            )
        return torch.from_numpy(values.astype(np.float32).reshape(count, -1))


def to_text(embeddings: Embeddings) -> str:
    """Write embeddings as float32, little-endian, in base64."""
    rows = np.ascontiguousarray(embeddings.numpy(), dtype="<f4")
    return base64.b64encode(rows.tobytes()).decode("ascii")


def given(**options: int | float | None) -> dict[str, Any]:
    """Return the options that were given; those at None have the default of their function."""
    return {name: value for name, value in options.items() if value is not None}
