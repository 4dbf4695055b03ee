"""`AdaptationNumbers`: what adaptation gains over its controls; a page is filled in from them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from vlmrm.errors import FrameError, SpecError
from vlmrm.metrics import Estimate
from vlmrm.report.turned import Confusion, Turned, changed_confusions, turned
from vlmrm.report.verdict import GOOD, USELESS, WEAK, Verdict
from vlmrm.report.words import percent, points
from vlmrm.rlcf.labelled import Asked
from vlmrm.rlcf.results import Evaluation, MethodResult

USUAL = "zero_shot"
"""Name of the method that every other one is compared with."""
_LABELS = {
    USUAL: "zero-shot",
    "reward_only": "the reward alone",
    "ensemble": "the mean of both models",
    "self_reward": "the policy as reward",
    "kd": "KD",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class AdaptationNumbers:
    """An adapted method beside its controls. The labels are the judge, never the reward.

    Raises:
        SpecError: The method or ``zero_shot`` was not evaluated, or they are the same.
        FrameError: There is not one query, or not one name, for each answer.
    """

    evaluation: Evaluation
    """Answers of all methods; ``zero_shot`` is one of them."""
    queries: Asked
    """What was asked: pictures at full size, or texts."""
    names: Sequence[str] = ()
    """Name of each query. Empty: the places of pictures, from 0, and texts by themselves."""
    gallery: Asked | None = None
    """The answers, where they are pictures."""
    main: str = "adapted"
    """Name of the method that is judged."""

    def __post_init__(self) -> None:
        methods = self.evaluation.methods
        if USUAL not in methods or self.main not in methods or self.main == USUAL:
            raise SpecError(
                f"a report compares a method with {USUAL}; got main={self.main!r} and the methods {', '.join(methods)}."
            )
        counts = {len(self.usual.labels), len(self.queries), len(self.names or self.queries)}
        if len(counts) > 1:
            raise FrameError(
                f"each answer belongs to one query; got {len(self.usual.labels)} answers, {len(self.queries)} "
                f"queries and {len(self.names)} names. Give the queries that were evaluated."
            )

    @property
    def usual(self) -> MethodResult:
        """What the policy says before adaptation."""
        return self.evaluation.methods[USUAL]

    @property
    def judged(self) -> MethodResult:
        """What the method that is judged says."""
        return self.evaluation.methods[self.main]

    @property
    def candidates(self) -> int:
        """Number of answers that are tried, by the protocol; all where it does not say."""
        return self.evaluation.protocol.get("options", {}).get("candidates") or len(self.evaluation.answers)

    @cached_property
    def gains(self) -> Mapping[str, Estimate]:
        """By how much each other method is right more often than zero-shot, over paired pictures."""
        return {name: one.gain_over(self.usual) for name, one in self.evaluation.methods.items() if name != USUAL}

    @cached_property
    def leads(self) -> Mapping[str, Estimate]:
        """By how much the method that is judged is right more often than each other one, over paired pictures."""
        return {name: self.judged.gain_over(one) for name, one in self.evaluation.methods.items() if name != self.main}

    @cached_property
    def verdict(self) -> Verdict:
        """Whether adaptation is of use.

        Good: it surely gains over zero-shot, and no other method surely does better. Useless: it gains nothing. A gain
        or lead is sure where its interval is on one side of 0.
        """
        return _judge(self)

    @property
    def headline(self) -> str:
        """What came out, in a sentence."""
        gain = 100 * self.gains[self.main].value
        among = f"{len(self.usual.labels):,} queries among {len(self.evaluation.answers):,} answers"
        loss = self.evaluation.protocol.get("options", {}).get("method", self.main)
        said = f"gains {gain:.1f} points over" if gain > 0 else f"loses {-gain:.1f} points to" if gain else "equals"
        return f"Adaptation by {loss} {said} zero-shot on {among}."

    @property
    def remarks(self) -> list[str]:
        """What a reader of the numbers has to know."""
        return self.evaluation.remarks(self.candidates)

    @property
    def mended(self) -> Sequence[Turned]:
        """Queries whose answer became right, the surest first."""
        return turned(self.usual, self.judged, mended=True)

    @property
    def spoilt(self) -> Sequence[Turned]:
        """Queries whose answer became wrong, the surest first."""
        return turned(self.usual, self.judged, mended=False)

    @property
    def confusions(self) -> Sequence[Confusion]:
        """Confusions of answers that became rarer or more frequent."""
        return changed_confusions(self.usual, self.judged)

    def label(self, method: str) -> str:
        """Return what a reader calls a method.

        Args:
            method: Name of the method.
        """
        return f"the best of {self.candidates}" if method == "best_of_k" else _LABELS.get(method, method)

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain values, for JSON."""
        return self.evaluation.to_dict() | {
            "headline": self.headline,
            "verdict": asdict(self.verdict),
            "main": self.main,
            "leads": {name: asdict(one) for name, one in self.leads.items()},
            "right_among": {"candidates": self.candidates, "share": self.usual.right_among(self.candidates)},
            "remarks": self.remarks,
            "mended": [asdict(one) for one in self.mended],
            "spoilt": [asdict(one) for one in self.spoilt],
            "confusions": [asdict(one) for one in self.confusions],
        }


def _judge(report: AdaptationNumbers) -> Verdict:
    gain, rivals = report.gains[report.main], {name: one for name, one in report.leads.items() if name != USUAL}
    groups = {
        "Surely worse than": {name: one for name, one in rivals.items() if one.high < 0},
        "Surely better than": {name: one for name, one in rivals.items() if one.low > 0},
        "Not told apart from": {name: one for name, one in rivals.items() if one.low <= 0 <= one.high},
    }
    surely = gain.low > 0 and not groups["Surely worse than"]
    before, after = report.usual.accuracy, report.judged.accuracy
    sure = "" if gain.low > 0 or gain.high < 0 else ", which may be chance"
    sentence = (
        f"Right on {percent(after.value)} of the queries (95 % interval {percent(after.low)} to "
        f"{percent(after.high)}) where zero-shot is right on {percent(before.value)}: {points(gain)}{sure}."
    )
    return Verdict(
        word=USELESS if gain.value <= 0 else GOOD if surely else WEAK,
        sentence=sentence,
        reasons=tuple(
            f"{said} {', '.join(f'{report.label(name)}: {points(one)}' for name, one in group.items())}."
            for said, group in groups.items()
            if group
        ),
    )
