"""`JudgedFeatures`: frames as another extractor reads them, and a judge's word on those of a high score."""

import torch
from jaxtyping import Bool
from torch import Tensor

from vlmrm.errors import EncoderError
from vlmrm.judges import Judge
from vlmrm.rewards.features.frame_features import FeatureExtractor, FrameFeatures
from vlmrm.rewards.protocols import ScoreFrames
from vlmrm.types import Frames, Rewards


class JudgedFeatures:
    """Asks a judge about the frames that a cheap score puts above a threshold.

    Args:
        extractor: Reads all frames.
        score: Scores them, cheaply.
        judge: The expensive one.
        above: Score above which the judge is asked.
        asks: Which judge is asked what, for the fingerprint.
    """

    def __init__(
        self, extractor: FeatureExtractor, score: ScoreFrames, judge: Judge, *, above: float, asks: str
    ) -> None:
        self._extractor, self._score, self.judge, self._above = extractor, score, judge, above
        self._asks = asks
        self.seen = 0
        """Number of frames read so far."""
        self.asked = 0
        """Number of those that the judge was asked about."""

    @property
    def fingerprint(self) -> str:
        """Which weights, threshold, judge and question it reads with."""
        return f"{self._extractor.fingerprint}-judged-{self._above:g}-{self._asks}"

    def read(self, frames: Frames) -> FrameFeatures:
        """Return the features with the judge's probability in "judge"; 0 where it was not asked.

        Args:
            frames: RGB; any height and width.

        Raises:
            EncoderError: If the judge answers not once for each frame, or not with 0 to 1.
        """
        features = self._extractor.read(frames)
        high = worth_asking(self._score(features), self._above)
        column = torch.zeros(len(features))
        if bool(high.any()):
            column[high] = self._ask(frames[high]).to(column)
        self.seen, self.asked = self.seen + len(frames), self.asked + int(high.sum())
        return FrameFeatures(embeddings=features.embeddings, extra={**features.extra, "judge": column})

    def _ask(self, frames: Frames) -> Rewards:
        answers = self.judge.probabilities(frames)
        if answers.shape != (len(frames),):
            raise EncoderError(
                f"the judge was asked about {len(frames)} frames and gave numbers of shape {tuple(answers.shape)}. "
                "It must give one for each frame."
            )
        wrong = ~((answers >= 0) & (answers <= 1))  # NaN too
        if bool(wrong.any()):
            raise EncoderError(
                f"a judge's probability must lie in 0 to 1; got {float(answers[wrong][0])} for {int(wrong.sum())} of "
                f"{len(frames)} frames. Check its weights, or give the sigmoid of its log-odds."
            )
        return answers


def worth_asking(dense: Rewards, above: int | float) -> Bool[Tensor, " n"]:
    """Whose score is so high that a judge decides.

    Args:
        dense: Scores of the cheap reward.
        above: At it the score still counts.

    Example:
        >>> worth_asking(torch.tensor([0.2, 0.5, 0.7]), 0.5)
        tensor([False, False,  True])
    """
    return dense > above
