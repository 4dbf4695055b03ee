"""What is searched: texts for a picture, or pictures for a text (retrieval, as RLCF has it)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.ensemble import embed_pictures
from vlmrm.errors import FrameError, PromptError
from vlmrm.rewards import RewardModel
from vlmrm.rlcf.answer import Logits
from vlmrm.rlcf.labelled import Asked, embed_each, short_hash
from vlmrm.rlcf.policy import TextQueries, TunedEncoder
from vlmrm.rlcf.reward_side import PictureRewards, encoder_logits
from vlmrm.rlcf.zero_shot import AmongSentences, ZeroShot
from vlmrm.types import Embeddings


@dataclass(frozen=True, eq=False)
class TextGallery(AmongSentences):
    """Texts, of which the nearest to a picture is the answer. They may repeat each other.

    Raises:
        PromptError: There are fewer than 2, or one is empty.

    Example:
        >>> from vlmrm.encoders import load_encoder
        >>> gallery = TextGallery(load_encoder("random:sim-xs"), ["a pole", "a cart", "a pole"])
        >>> import torch
        >>> gallery.logits(torch.zeros(2, 64, 64, 3, dtype=torch.uint8)).shape
        torch.Size([2, 3])
    """

    encoder: Encoder
    """What embeds pictures and texts."""
    texts: Sequence[str]
    """The answers; the order is that of the columns of all logits."""

    def __post_init__(self) -> None:
        require_texts(self.texts)

    @property
    def names(self) -> Sequence[str]:
        """The texts."""
        return self.texts

    @property
    def sentences(self) -> Sequence[str]:
        """The texts, each whole."""
        return self.texts

    def said(self) -> Mapping[str, Any]:
        """Return number and hash of the texts."""
        return {"texts": self.count, "texts_hash": short_hash(self.texts)}


@dataclass(frozen=True, eq=False)
class PictureGallery(ZeroShot):
    """Pictures, of which the nearest to a text is the answer.

    Raises:
        FrameError: There are fewer than 2.

    Example:
        >>> import torch
        >>> from vlmrm.encoders import load_encoder
        >>> pictures = torch.zeros(3, 64, 64, 3, dtype=torch.uint8)
        >>> PictureGallery(load_encoder("random:sim-xs"), pictures).logits("a pole").shape
        torch.Size([1, 3])
    """

    encoder: Encoder
    """What embeds pictures and texts."""
    pictures: Asked
    """The answers, at full size, as frames or one by one; the order is that of the columns of all logits."""

    def __post_init__(self) -> None:
        if len(self.pictures) < 2:
            raise FrameError(f"a gallery has at least 2 pictures; got {len(self.pictures)}.")

    @cached_property
    def names(self) -> Sequence[str]:
        """Places of the pictures, from 0."""
        return [f"no. {place}" for place in range(len(self.pictures))]

    def read(self, queries: Any) -> list[str]:
        """Return texts as a list."""
        texts = [queries] if isinstance(queries, str) else list(queries)
        for text in texts:
            if not isinstance(text, str) or not text.strip():
                raise PromptError(f"pictures are searched by a text; got {text!r}.")
        return texts

    def logits(self, queries: Any) -> Logits:
        """Return the scaled cosines of texts and pictures."""
        said = self.encoder.embed_texts(self.read(queries))
        return encoder_logits(self.encoder, said, self.embedded)

    def side(self, policy: TunedEncoder) -> TextQueries:
        """Return how a copy that is tuned sees texts."""
        return TextQueries(policy, self.embedded)

    def rewards(self, reward: RewardModel, *, sees: str, rivals: str | None) -> PictureRewards:
        """Return what a reward says of the pictures; it sees each whole."""
        weights = reward.pairs.fingerprint
        if weights not in self._seen_by:
            self._seen_by[weights] = embed_each(reward.pairs.embed_images, self.pictures)
        return PictureRewards(reward, self._seen_by[weights], rivals=rivals)

    def said(self) -> Mapping[str, Any]:
        """Return number and hash of the pictures."""
        return {"pictures": self.count, "pictures_hash": short_hash(self.pictures)}

    @cached_property
    def embedded(self) -> Embeddings:
        """Unit-length embeddings of the pictures."""
        return embed_each(partial(embed_pictures, self.encoder), self.pictures)

    @cached_property
    def _seen_by(self) -> dict[str, Embeddings]:
        """Embeddings of the pictures by rewards, by the fingerprints of their models."""
        return {}


def require_texts(texts: Sequence[str]) -> None:
    """Refuse texts that cannot be searched.

    Raises:
        PromptError: There are fewer than 2, or one is empty.
    """
    if len(texts) < 2:
        raise PromptError(f"a gallery has at least 2 texts; got {list(texts)}.")
    for place, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise PromptError(f"a text is a sentence; got {text!r} at place {place}.")
