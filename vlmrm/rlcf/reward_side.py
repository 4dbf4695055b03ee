"""What the reward says of one query: a score for each answer, and what its own encoder would answer."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import SpecError
from vlmrm.rewards import RewardModel
from vlmrm.rlcf.views import Box, cut
from vlmrm.types import Embeddings, Frames

Rows = Float[Tensor, "r k"]
Seen = Any
"""A query as the reward has it; given from one method of a side to the others."""


class RewardSide(ABC):
    """The reward of each answer to a query.

    Each text reaches the reward as a string, through its own tokenizer, and each picture, or crop of it, from the full
    picture through its own preprocessing. Answers are embedded once.
    """

    reward: RewardModel
    """The reward that is asked."""

    @abstractmethod
    def look(self, query: Any, boxes: Sequence[Box]) -> Seen:
        """Return the query as the reward sees it, whole or in the given parts."""

    @abstractmethod
    def whole(self, query: Any) -> Seen:
        """Return the whole query as the reward sees it."""

    @abstractmethod
    def scores(self, seen: Seen) -> Rows:
        """Return the rewards of what `look` gave."""

    @abstractmethod
    def logits(self, seen: Seen) -> Rows:
        """Return the scaled cosines of what `look` gave."""

    @abstractmethod
    def known(self, seen: Seen) -> bool | None:
        """Whether the reward's encoder was trained on pictures like those of a query. None: nobody knows."""


class SentenceRewards(RewardSide):
    """The reward of each of some sentences, for pictures.

    Args:
        reward: A reward whose head has pairs.
        sentences: The answers.
        sees: ``picture`` or ``views``.
        rivals: As in `RewardModel.score_pairs`; an episode has one picture, which has no rivals.

    Raises:
        SpecError: The reward scores no pairs, or pictures are to be rivals.
    """

    def __init__(self, reward: RewardModel, sentences: Sequence[str], *, sees: str, rivals: str | None = None) -> None:
        if rivals == "pictures":
            raise SpecError("an episode has one picture, and texts answer: rivals can be 'texts', not 'pictures'.")
        self.reward, self._sentences, self._sees, self._rivals = reward, list(sentences), sees, rivals
        self._pairs = reward.pairs
        self.scores(self._pairs.embed_texts(self._sentences[:1]))  # refuse early

    def look(self, query: Frames, boxes: Sequence[Box]) -> Float[Tensor, "r d"]:
        """Return the reward's embeddings of the picture, or of the views."""
        if self._sees == "picture":
            return self._pairs.embed_images(query)
        return self._pairs.embed_images(cut(query, boxes, self._pairs.preprocessing))

    def whole(self, query: Frames) -> Embeddings:
        """Return the reward's embedding of the whole picture."""
        return self._pairs.embed_images(query)

    def scores(self, seen: Embeddings) -> Rows:
        """Return the reward of each sentence."""
        return self._pairs.of_embeddings(seen, self._sentences, self._rivals)

    def logits(self, seen: Embeddings) -> Rows:
        """Return the scaled cosine of each sentence."""
        return encoder_logits(self.reward.encoder, seen, self._pairs.embed_texts(self._sentences))

    def known(self, seen: Embeddings) -> bool | None:
        """Whether the picture is like those that the reward's encoder was trained on."""
        strange = share_strange(self.reward.encoder, seen)
        return None if strange is None else strange == 0


class PictureRewards(RewardSide):
    """The reward of each of some pictures, for texts.

    Args:
        reward: A reward whose head has pairs.
        pictures: Embeddings of the answers by the reward's own model.
        rivals: As in `RewardModel.score_pairs`; an episode has one text, which has no rivals.

    Raises:
        SpecError: The reward scores no pairs, or texts are to be rivals.
    """

    def __init__(self, reward: RewardModel, pictures: Embeddings, *, rivals: str | None = None) -> None:
        if rivals == "texts":
            raise SpecError("an episode has one text, and pictures answer: rivals can be 'pictures', not 'texts'.")
        self.reward, self._pairs, self._rivals, self._seen = reward, reward.pairs, rivals, pictures
        self._strange = share_strange(reward.encoder, self._seen)
        self.scores(["a picture"])  # refuse early

    def look(self, query: list[str], boxes: Sequence[Box]) -> list[str]:
        """Return the text."""
        return query

    def whole(self, query: list[str]) -> list[str]:
        """Return the text."""
        return query

    def scores(self, seen: list[str]) -> Rows:
        """Return the reward of each picture."""
        return self._pairs.of_embeddings(self._seen, seen, self._rivals).T

    def logits(self, seen: list[str]) -> Rows:
        """Return the scaled cosine of each picture."""
        return encoder_logits(self.reward.encoder, self._seen, self._pairs.embed_texts(seen)).T

    def known(self, seen: list[str]) -> bool | None:
        """Whether most of the pictures are like those that the reward's encoder was trained on."""
        return None if self._strange is None else self._strange < 0.5


def encoder_logits(encoder: Encoder, pictures: Embeddings, texts: Float[Tensor, "k d"]) -> Rows:
    """Return scaled cosines, as the encoder's own loss has them."""
    logits: Rows = encoder.logit_scale * pictures @ texts.T + encoder.logit_bias
    return logits


def share_strange(encoder: Encoder, seen: Embeddings) -> float | None:
    """Return the share of pictures that are like none that an encoder was trained on. None: nobody knows.

    Args:
        encoder: What embedded them.
        seen: Their embeddings.
    """
    if encoder.domain is None:
        return None
    parts = torch.stack(list(encoder.domain.strange_frames(seen).values()))  # a row for each member of an ensemble
    return float(parts.any(dim=0).float().mean())


def require_another_model(policy: Encoder, reward: RewardModel, *, self_reward: bool) -> None:
    """Refuse a policy that would be its own reward, unless that is wanted.

    Args:
        policy: The encoder that is adapted.
        reward: What adapts it.
        self_reward: Whether it is wanted.

    Raises:
        SpecError: Both have the same weights.
    """
    if not self_reward and policy.fingerprint == reward.encoder.fingerprint:
        raise SpecError(
            f"policy and reward are one model, {policy.name!r}, which can only tell itself what it thinks already. "
            "Take another reward, or say self_reward=True to measure just that."
        )
