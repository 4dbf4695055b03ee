"""`ZeroShot`: an encoder that ranks answers to a query as it is; what adaptation begins from.

    `ClipClassifier`    a picture among the sentences of classes
    `TextGallery`       a picture among texts             (picture to text)
    `PictureGallery`    a text among pictures             (text to picture)

Queries come in batches: pictures as frames, texts as a list. A batch of one is one query.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from jaxtyping import Float
from torch import Tensor

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.ensemble import embed_pictures
from vlmrm.frames.batch import as_frames
from vlmrm.rewards import RewardModel
from vlmrm.rlcf.answer import Logits, WithoutEpisodes
from vlmrm.rlcf.controls import BothSides
from vlmrm.rlcf.policies import Asking
from vlmrm.rlcf.policy import PictureQueries, QuerySide, TunedEncoder
from vlmrm.rlcf.ranking import RankingPolicy, require_candidates
from vlmrm.rlcf.reward_side import RewardSide, SentenceRewards, encoder_logits
from vlmrm.types import Embeddings, Frames

Queries = Any
"""Pictures as frames, or a list of texts."""


class ZeroShot(WithoutEpisodes):
    """Answers queries by the cosines of an encoder; subclasses say what queries and answers are."""

    encoder: Encoder
    """What embeds pictures and texts."""
    template: str | None = None
    """Sentence with ``{}`` where the answer goes. None: answers are whole."""

    @property
    @abstractmethod
    def names(self) -> Sequence[str]:
        """What tables call each answer."""

    @property
    def count(self) -> int:
        """Number of answers."""
        return len(self.names)

    @abstractmethod
    def read(self, queries: Any) -> Queries:
        """Return queries in the form that the other methods take.

        Args:
            queries: One or several, as users give them.
        """

    @abstractmethod
    def logits(self, queries: Any) -> Logits:
        """Return the scaled cosines of queries and answers."""

    @abstractmethod
    def side(self, policy: TunedEncoder) -> QuerySide:
        """Return how a copy that is tuned sees queries."""

    @abstractmethod
    def rewards(self, reward: RewardModel, *, sees: str, rivals: str | None) -> RewardSide:
        """Return what a reward says of queries and answers; see `AdaptOptions` for both words."""

    def policy(self, asking: Asking) -> RankingPolicy:
        """Return a copy that can be tuned; see `RankingPolicy` for the errors.

        Args:
            asking: What an adapter was asked to do.
        """
        options = asking.options
        require_candidates(options, self.count)

        def rewards() -> RewardSide:
            return self.rewards(asking.required_reward(), sees=options.reward_sees, rivals=options.rivals)

        return RankingPolicy(self.encoder, self.template, self.side, rewards, asking)

    def controls(self, query: Any, asking: Asking) -> dict[str, Logits]:
        """Return what stands beside the answer to a query, without a gradient; see `vlmrm.rlcf.controls`.

        Args:
            query: A batch of one.
            asking: What an adapter was asked to do.

        Raises:
            SpecError: There is no reward.
        """
        sides = BothSides(self, asking.required_reward(), rivals=asking.options.rivals)
        found = sides.of(query).controls(asking.options.candidates or self.count)
        return {name: logits[None] for name, logits in found.items()}

    @abstractmethod
    def said(self) -> Mapping[str, Any]:
        """Return what the answers are, as plain values for a protocol."""

    def predict(self, queries: Any) -> Logits:
        """Return `logits`: without adaptation, each query is answered as it is."""
        return self.logits(queries)

    def _logits(self, query: Any) -> Float[Tensor, " k"]:
        row: Float[Tensor, " k"] = self.logits(query)[0]
        return row


class AmongSentences(ZeroShot):
    """Pictures among sentences: subclasses say which."""

    @property
    @abstractmethod
    def sentences(self) -> Sequence[str]:
        """The sentence of each answer."""

    @cached_property
    def embedded(self) -> Embeddings:
        """Unit-length embeddings of the sentences."""
        return self.encoder.embed_texts(list(self.sentences))

    def read(self, queries: Any) -> Frames:
        """Return pictures as frames."""
        return as_frames(queries)

    def logits(self, queries: Any) -> Logits:
        """Return the scaled cosines of pictures and sentences.

        Args:
            queries: Pictures of one size, as `vlmrm.frames.batch.as_frames` takes them.
        """
        return encoder_logits(self.encoder, embed_pictures(self.encoder, as_frames(queries)), self.embedded)

    def side(self, policy: TunedEncoder) -> PictureQueries:
        """Return how a copy that is tuned sees pictures."""
        return PictureQueries(policy, self.sentences)

    def rewards(self, reward: RewardModel, *, sees: str, rivals: str | None) -> SentenceRewards:
        """Return what a reward says of the sentences."""
        return SentenceRewards(reward, self.sentences, sees=sees, rivals=rivals)
