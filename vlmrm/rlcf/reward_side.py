"""What the reward says of one query: a score for each answer, and its own encoder's classification."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.errors import SpecError
from vlmrm.rewards import RewardModel
from vlmrm.rlcf.views import Box, cut
from vlmrm.types import Embeddings, Frames

Rows = Float[Tensor, "r k"]


class SentenceRewards:
    """The reward of each of some sentences, for pictures.

    Each sentence reaches the reward as a string, through its own tokenizer, and each picture, or crop of it, from the
    full picture through its own preprocessing. Sentences are embedded once.

    Args:
        reward: A reward whose head has pairs.
        sentences: The answers.
        sees: ``picture`` or ``views``.
        rivals: As in `RewardModel.score_pairs`.

    Raises:
        SpecError: The reward scores no pairs.
    """

    def __init__(self, reward: RewardModel, sentences: Sequence[str], *, sees: str, rivals: str | None = None) -> None:
        self.reward, self._sentences, self._sees, self._rivals = reward, list(sentences), sees, rivals
        self._pairs = reward.pairs
        self.scores(self._pairs.embed_texts(self._sentences[:1]))  # refuse early

    def look(self, picture: Frames, boxes: Sequence[Box]) -> Embeddings:
        """Return the reward's embeddings of the picture, or of the views."""
        if self._sees == "picture":
            return self._pairs.embed_images(picture)
        return self._pairs.embed_images(cut(picture, boxes, self._pairs.preprocessing))

    def whole(self, picture: Frames) -> Embeddings:
        """Return the reward's embedding of the whole picture."""
        return self._pairs.embed_images(picture)

    def scores(self, seen: Embeddings) -> Rows:
        """Return the rewards of what `look` gave."""
        return self._pairs.of_embeddings(seen, self._sentences, self._rivals)

    def logits(self, seen: Embeddings) -> Rows:
        """Return the scaled cosines of what `look` gave."""
        return encoder_logits(self.reward.encoder, seen, self._pairs.embed_texts(self._sentences))


def encoder_logits(encoder: Encoder, pictures: Embeddings, texts: Float[Tensor, "k d"]) -> Rows:
    """Return scaled cosines, as the encoder's own loss has them."""
    logits: Rows = encoder.logit_scale * pictures @ texts.T + encoder.logit_bias
    return logits


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
