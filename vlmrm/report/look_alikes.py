"""Labelled frames by how they look to a model: for one that fools it, the nearest frame of the other label.

Where the two look alike to the model, no sentence will part them; where they do not, a better sentence may.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch.nn.functional import normalize

from vlmrm.data.labelled import LabelledFrames
from vlmrm.report.heat_maps import nearest
from vlmrm.rewards.features import FrameFeatures
from vlmrm.types import Embeddings

MOST = 1_000
"""Frames of each label that are kept; of more, every second, fourth and so on."""
_SMALL_PX = 128


@dataclass(frozen=True, kw_only=True, eq=False)
class LookAlike:
    """A frame that looks like another one."""

    picture: UInt8[np.ndarray, "h w 3"]
    """The frame, small."""
    name: str
    """Name of the frame."""
    cosine: float
    """Cosine of the embeddings of both."""


class LookAlikes:
    """Small pictures and embeddings of the frames that have gone by, of both labels; bounded in number."""

    def __init__(self) -> None:
        self._kept = {label: _Thinned() for label in (False, True)}

    def add(self, batch: LabelledFrames, embeddings: Embeddings) -> None:
        """Keep some frames of a batch.

        Args:
            batch: The frames as the model sees them.
            embeddings: What the model made of them.
        """
        for label, kept in self._kept.items():
            for row in np.flatnonzero(batch.in_goal == label):
                kept.add(batch, int(row), embeddings[row])

    def of(self, embedding: Float[torch.Tensor, " d"], *, in_goal: bool) -> LookAlike | None:
        """Return the frame with this label that looks most like one.

        Args:
            embedding: What the model made of the frame.
            in_goal: Label of the frames to look through.

        Returns:
            None where there is none.
        """
        kept = self._kept[in_goal]
        if not kept.rows:
            return None
        known = normalize(torch.stack([vector for vector, _, _ in kept.rows]), dim=1)
        asked = normalize(embedding[None], dim=1)
        (row,) = nearest(FrameFeatures(embeddings=asked), FrameFeatures(embeddings=known), k=1)[0].tolist()
        _, name, picture = kept.rows[row]
        return LookAlike(picture=picture, name=name, cosine=float(asked[0] @ known[row]))


class _Thinned:
    """Every frame at first, and every second, fourth and so on when there are more than are kept."""

    def __init__(self) -> None:
        self.rows: list[tuple[Float[torch.Tensor, " d"], str, UInt8[np.ndarray, "h w 3"]]] = []
        self._every, self._seen = 1, 0

    def add(self, batch: LabelledFrames, row: int, vector: Float[torch.Tensor, " d"]) -> None:
        if self._seen % self._every == 0:
            image = Image.fromarray(batch.frames[row].numpy())
            image.thumbnail((_SMALL_PX, _SMALL_PX))
            self.rows.append((vector.clone(), batch.names[row], np.array(image)))
        self._seen += 1
        if len(self.rows) > MOST:
            self.rows, self._every = self.rows[::2], 2 * self._every
