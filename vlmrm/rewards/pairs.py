"""`PairScorer`: every picture with every text, by a reward's own head; the path of adaptation and captioning."""

from collections import OrderedDict
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.domain_watch import DomainWatch
from vlmrm.encoders.encoder import Encoder, require_finite
from vlmrm.encoders.ensemble import embed_pictures
from vlmrm.errors import PromptError, SpecError
from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.rewards.features.cameras import embed_joined
from vlmrm.rewards.features.views import CropFeatures
from vlmrm.rewards.heads.sentences import embed
from vlmrm.rewards.protocols import PairHead
from vlmrm.rewards.score import build_pairs, require_finite_rewards
from vlmrm.rewards.spec import RewardSpec
from vlmrm.types import Embeddings, Frames

MOST_TEXTS = 16_384
"""Number of sentences whose embeddings are kept: 32 MB at a width of 512."""


class PairScorer:
    """Scores pictures against texts, each text in the goal's place.

    Args:
        encoder: The encoder of pictures and texts.
        spec: The head, its baseline and negatives, and how scores are scaled.
        joins_cameras: Images are frames of all cameras of the spec, side by side, whose scores of a text are joined;
            else a spec with cameras is refused.
    """

    def __init__(self, encoder: Encoder, spec: RewardSpec, *, joins_cameras: bool = False) -> None:
        self._encoder, self._spec, self._joins = encoder, spec, joins_cameras
        self._crops = None if spec.views is None else CropFeatures(encoder, spec.views)
        self._watch = DomainWatch(encoder)
        self._heads: dict[str | None, PairHead] = {}
        self._texts: OrderedDict[str, Tensor] = OrderedDict()

    @property
    def preprocessing(self) -> Preprocessing:
        """How a picture, or each of several side by side, becomes what the encoder or the smallest crop takes."""
        one = self._encoder.preprocessing if self._crops is None else self._crops.preprocessing
        return replace(one, side_by_side=self._spec.pictures_in_frame)

    @property
    def fingerprint(self) -> str:
        """Which weights and crops it reads with."""
        return self._encoder.fingerprint if self._crops is None else self._crops.fingerprint

    def __call__(self, images: Frames, texts: list[str], rivals: str | None = None) -> Float[Tensor, "n k"]:
        """Return the score of every picture with every text.

        Args:
            images: RGB; any height and width.
            texts: At least one sentence.
            rivals: As in `RewardModel.score_pairs`.

        Raises:
            SpecError: If the spec cannot score pairs.
            PromptError: If there is no text.
        """
        return self.of_embeddings(self.embed_images(images), texts, rivals)

    def of_embeddings(self, images: Embeddings, texts: list[str], rivals: str | None = None) -> Float[Tensor, "n k"]:
        """`__call__`, with pictures that have been embedded."""
        if not texts:
            raise PromptError("score_pairs needs at least one text.")
        if self._spec.over_time is not None:
            raise SpecError(
                "score_pairs cannot be asked of a reward with over_time: a picture is not an episode. Leave it out."
            )
        if rivals not in self._heads:
            self._heads[rivals] = build_pairs(self._encoder, self._spec, rivals, joins_cameras=self._joins)
        return require_finite_rewards(self._heads[rivals](images, self.embed_texts(texts)))

    def embed_images(self, images: Frames) -> Embeddings:
        """Return unit-length embeddings; each member of an ensemble sees the full picture."""
        if self._joins:
            return embed_joined(images, self._spec.pictures_in_frame, self._embed_each)
        return self._embed_each(images)

    def _embed_each(self, images: Frames) -> Embeddings:
        if self._crops is not None:
            return self._crops.read(images).embeddings
        rows = embed_pictures(self._encoder, images)
        self._watch.see(rows)
        return require_finite(self._encoder, rows)

    def embed_texts(self, texts: list[str]) -> Embeddings:
        """Return unit-length embeddings; those of the last `MOST_TEXTS` sentences are kept."""
        new = [text for text in dict.fromkeys(texts) if text not in self._texts]
        if new:
            self._watch.read(new)
            self._texts.update(zip(new, embed(self._encoder, new), strict=True))
        for text in texts:
            self._texts.move_to_end(text)
        rows = torch.stack([self._texts[text] for text in texts])
        while len(self._texts) > MOST_TEXTS:
            self._texts.popitem(last=False)
        return rows
