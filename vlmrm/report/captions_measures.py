"""`CaptionMeasures`: what can be measured of captions, and which measure decides whether they are good.

What decides is the exact judge where there is one, else references by CIDEr-D, else the reward itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from vlmrm.data.caption_judge import CaptionJudge, JudgedCaption, summary
from vlmrm.metrics.captions import DocumentFrequencies, bleu, cider_d, repetition

FACTS, CIDER, REWARD = "facts", "CIDEr-D", "the reward itself"
"""What can decide."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CaptionMeasures:
    """What is known of some pictures, and so can be measured of a caption of each.

    Example:
        >>> measures = CaptionMeasures()
        >>> measures.decider, measures.deciding(["a star"], np.array([0.5])).tolist()
        ('the reward itself', [0.5])
    """

    references: Sequence[Sequence[str]] = ()
    """Some captions of each picture by somebody who saw it. Empty: there are none."""
    judge: CaptionJudge | None = None
    """Knows what is true of the pictures. None: nobody does."""

    @property
    def decider(self) -> str:
        """What decides: `FACTS`, `CIDER` or `REWARD`."""
        return FACTS if self.judge is not None else CIDER if self.references else REWARD

    def judged(self, captions: Sequence[str]) -> Sequence[JudgedCaption]:
        """Return what the judge finds in each caption; empty without one."""
        if self.judge is None:
            return []
        return [self.judge.judge(place, text) for place, text in enumerate(captions)]

    def deciding(self, captions: Sequence[str], rewards: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Return the number that decides, of each caption.

        Args:
            captions: One caption of each picture.
            rewards: Reward of each caption, which decides where nothing else does.
        """
        if self.judge is not None:
            return np.array([one.right / self.judge.facts for one in self.judged(captions)])
        return self._cider(captions) if self.references else rewards

    def means(
        self, captions: Sequence[str], judged: Sequence[JudgedCaption], rewards: Float[np.ndarray, " n"]
    ) -> dict[str, float]:
        """Return the mean of each measure, by the heading of its column.

        Args:
            captions: One caption of each picture.
            judged: What `judged` returned for them.
            rewards: Reward of each caption.
        """
        found: dict[str, float] = {}
        if self.judge is not None:
            shares = summary(judged, self.judge.facts)
            found |= {
                "facts": shares.facts_right.value,
                "false things": shares.false_objects.value,
                "sentences": shares.in_grammar.value,
            }
        if self.references:
            found |= {CIDER: float(self._cider(captions).mean()), "BLEU-4": bleu(captions, self.references).four}
        return {**found, "reward": float(rewards.mean()), "repetition": repetition(captions)}

    def _cider(self, captions: Sequence[str]) -> Float[np.ndarray, " n"]:
        return cider_d(captions, self.references, self._frequencies).each

    @cached_property
    def _frequencies(self) -> DocumentFrequencies:
        return DocumentFrequencies.of(self.references)
