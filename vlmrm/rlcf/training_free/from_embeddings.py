"""`FromEmbeddings`: methods that need one embedding of each picture, so that pictures go to the encoder in batches."""

from abc import abstractmethod
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.ensemble import embed_pictures
from vlmrm.frames.batch import as_frames
from vlmrm.rlcf.answer import Logits, WithoutEpisodes
from vlmrm.types import Frames


class FromEmbeddings(WithoutEpisodes):
    """Answers by the embedding of the whole picture.

    Args:
        encoder: What embeds it.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def predict(self, images: Any) -> Logits:
        """Return the logits of pictures, in order."""
        with torch.inference_mode():
            return torch.stack([self._of(seen[None]) for seen in embed_pictures(self._encoder, as_frames(images))])

    def _logits(self, picture: Frames) -> Float[Tensor, " k"]:
        return self._of(embed_pictures(self._encoder, picture))

    @abstractmethod
    def _of(self, seen: Float[Tensor, "1 d"]) -> Float[Tensor, " k"]:
        """Return one number for each class, by the embedding of a picture."""
