"""An expensive judge where a cheap reward is high: what is paid above a score is the judge's word, not the score.

A cheap score is dense and guides well while it is low; where it is high an agent finds what fools it. There it counts
no farther than `above`, and a judge, who is asked about those few frames only, decides what is paid on top. With the
dense score s and the judge's probability p

    r = s where s <= above,    r = above + bonus p where s > above

so that no reward is above ``above + bonus``, and none falls because the judge is surer. VLM3D (arXiv 2509.15772) and
TOPReward (arXiv 2602.19313) take the probability of an answer as the reward itself, of every frame.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from vlmrm.errors import SpecError
from vlmrm.judges import Judge, YesNoJudge
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.features.judged import JudgedFeatures, worth_asking
from vlmrm.rewards.protocols import Context, ScoreTransform
from vlmrm.rewards.transforms.options import TransformOptions
from vlmrm.types import Rewards
from vlmrm.values import require_above_0, require_number


@dataclass(frozen=True, kw_only=True)
class JudgeOptions(TransformOptions):
    """Options of ``judge``: a generative model that is asked about frames of a high score.

    Example:
        >>> JudgeOptions(model="a/b", question="Is the robot kneeling?", above=0.6).bonus
        1.0
    """

    rescales: ClassVar[bool] = True
    names_a_score: ClassVar[bool] = True
    passes_gradients: ClassVar[bool] = False
    asks_a_model: ClassVar[bool] = True
    pairs: ClassVar[str | None] = "a judge is asked one question, not one for each text"
    refuses: ClassVar[Mapping[str, str]] = {
        "uncertainty": "a judge is asked about single frames of one score",
        "over_time:window": "a judge is asked about single frames",
        "over_time:clip": "a judge is asked about single frames",
    }
    model: str
    """Name of the model: ``OWNER/NAME`` of the Hugging Face hub, or ``local-dir:FOLDER``."""
    question: str
    """Question that yes or no answers."""
    above: int | float
    """Score up to which the head's own counts, and above which the judge is asked."""
    bonus: int | float = 1.0
    """Reward that a judge who is sure adds to `above`, above 0."""

    def __post_init__(self) -> None:
        for name in ("model", "question"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name).strip():
                raise SpecError(f"{name} of a judge is a text; got {getattr(self, name)!r}.")
        require_number("above", self.above)
        require_above_0("bonus", self.bonus)

    def load(self, device: str | None = None) -> Judge:
        """Load the judge that is named."""
        return YesNoJudge.load(self.model, self.question, device=device)

    def reuse(self, judge: Judge, other: "JudgeOptions") -> Judge | None:
        """Return the judge of these options for those of another spec; None: it has to be loaded anew."""
        if other.model != self.model:
            return None
        if other.question == self.question:
            return judge
        return judge.asking(other.question) if isinstance(judge, YesNoJudge) else None

    def apply(self, context: Context) -> Context:
        """Return the context with a judge that is asked about frames of a high score."""
        judge = self.load() if context.judge is None else context.judge
        asks = f"{self.model}-{self.question}"
        judged = JudgedFeatures(context.extractor, context.score, judge, above=float(self.above), asks=asks)
        return replace(context.then(Gate(self.above, self.bonus)), extractor=judged, judged=judged)


def gate(dense: Rewards, judged: Rewards, *, above: int | float, bonus: int | float) -> Rewards:
    """The dense score up to `above`, and beyond it `above` and the judge's share of `bonus`.

    Args:
        dense: Scores of the cheap reward.
        judged: Probabilities of the judge; not looked at where the score is not above `above`.
        above: At it the score still counts.
        bonus: What a judge who is sure adds.

    Example:
        >>> gate(torch.tensor([0.2, 0.7, 0.9]), torch.tensor([0.0, 1.0, 0.1]), above=0.5, bonus=2.0)
        tensor([0.2000, 2.5000, 0.7000])
    """
    return torch.where(worth_asking(dense, above), above + bonus * judged, dense)


@dataclass(frozen=True, eq=False)
class Gate(ScoreTransform):
    """`gate` of scores with the judge's probabilities, which features hold in "judge".

    Example:
        >>> seen = FrameFeatures(embeddings=torch.zeros(3, 0), extra={"judge": torch.tensor([0.0, 0.25, 0.25])})
        >>> Gate(above=0.5, bonus=1.0)(torch.tensor([0.2, 0.9, 0.6]), seen)
        tensor([0.2000, 0.7500, 0.7500])
    """

    above: int | float
    """Score up to which the cheap reward counts."""
    bonus: int | float
    """Reward that a judge who is sure adds, above 0."""

    def __call__(self, scores: Rewards, seen: FrameFeatures) -> Rewards:
        """Return the gated score of each frame."""
        return gate(scores, seen.extra["judge"], above=self.above, bonus=self.bonus)
