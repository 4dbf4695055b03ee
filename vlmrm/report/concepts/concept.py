"""`Concept`: one latent of a run's frames, what it does to the reward, and what it seems to be about."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from vlmrm.metrics import Estimate
from vlmrm.report.concepts.sentences import NearSentence, naming


@dataclass(frozen=True, kw_only=True, eq=False)
class ActiveFrame:
    """A frame where a latent is active."""

    picture: UInt8[np.ndarray, "h w 3"]
    """The frame as the reward's model sees it."""
    name: str
    """Name of the frame."""
    activation: float
    """How active the latent is, as a length in the space of embeddings."""
    score: float
    """Score that the reward gives the frame."""
    in_goal: bool
    """Whether it shows the goal."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Concept:
    """One latent."""

    number: int
    """Its number in the autoencoder, from 0."""
    activation: Float[np.ndarray, " n"]
    """How active it is on each frame, in the order of the frames; 0 on most."""
    effect: Estimate
    """What it adds to the score of a frame where it is active, on average."""
    spread: float
    """Share of the score's variance over all frames that it accounts for; below 0: it works against the rest."""
    goal_share: float
    """Share of the goal frames where it is active."""
    other_share: float
    """Share of the other frames where it is active."""
    monosemanticity: float | None
    """Mean cosine of pairs of frames, weighted by how active it is on both. None: it is active on all frames alike."""
    found_again: float
    """Correlation with the most similar latent of an autoencoder trained on frames drawn anew and from another seed."""
    nearest: Sequence[NearSentence]
    """Sentences that it is nearest to, the nearest first; empty: there were none to compare with."""
    frames: Sequence[ActiveFrame]
    """Frames among those where it is most active, one of each episode, video or view before a second one."""

    @property
    def named_by(self) -> NearSentence | None:
        """The sentence that names it, with how near it is. None: no sentence fits."""
        return naming(self.nearest)

    @property
    def name(self) -> str | None:
        """The sentence that names it. None: no sentence fits."""
        return None if self.named_by is None else self.named_by.text

    @property
    def title(self) -> str:
        """What to call it."""
        return f"concept {self.number}" if self.name is None else f"“{self.name}”"

    @property
    def is_sure(self) -> bool:
        """Whether its effect is away from 0 on frames of several groups."""
        return self.effect.known and self.effect.low * self.effect.high > 0

    @property
    def pays_elsewhere(self) -> bool:
        """Whether it raises the reward, and a larger share of the other frames than of the goal frames."""
        return self.is_sure and self.effect.value > 0 and self.other_share > self.goal_share
