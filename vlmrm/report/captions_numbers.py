"""`CaptionNumbers`: what adapting a captioner to single pictures gains, as a sentence and as JSON.

What decides is the exact judge where there is one, else references by CIDEr-D; without either it is the reward itself,
and the page says so in its heading, for a reward is no judge of itself. See `vlmrm.report.captions_measures`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from vlmrm.data.caption_judge import CaptionJudge, JudgedCaption
from vlmrm.errors import FrameError, SpecError
from vlmrm.metrics import Estimate, mean_estimate
from vlmrm.report.captions_measures import REWARD, CaptionMeasures
from vlmrm.report.verdict import GOOD, USELESS, WEAK, Verdict
from vlmrm.report.words import points
from vlmrm.rlcf.captions.comparing import CaptionedBy
from vlmrm.rlcf.labelled import Asked

USUAL = "zero_shot"
"""Name of the method that every other one is compared with."""
_LABELS = {
    USUAL: "the captioner alone",
    "best_of_k": "the best of its candidates",
    "reward_only": "the best of many",
    "self_reward": "its own eyes as reward",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class CaptionNumbers:
    """Captions of an adapted captioner beside its controls.

    Raises:
        SpecError: The method or ``zero_shot`` was not asked, or they are the same.
        FrameError: There is not one caption, name or list of references for each picture.
    """

    methods: Mapping[str, CaptionedBy]
    """Captions of all methods; ``zero_shot`` is one of them."""
    pictures: Asked
    """Pictures at full size."""
    rewards: Mapping[str, Float[np.ndarray, " n"]]
    """Reward of each caption of each method."""
    references: Sequence[Sequence[str]] = ()
    """Some captions of each picture by somebody who saw it. Empty: there are none."""
    judge: CaptionJudge | None = None
    """Knows what is true of the pictures. None: nobody does."""
    rewards_after_each: Sequence[float] = ()
    """Mean reward of the judged method's captions after each step."""
    names: Sequence[str] = ()
    """Name of each picture. Empty: their places."""
    protocol: Mapping[str, Any] = field(default_factory=dict)
    """Settings under which captions were made."""
    main: str = "adapted"
    """Name of the method that is judged."""

    def __post_init__(self) -> None:
        if USUAL not in self.methods or self.main not in self.methods or self.main == USUAL:
            known = ", ".join(self.methods)
            raise SpecError(f"a report compares a method with {USUAL}; got main={self.main!r} and the methods {known}.")
        count = len(self.pictures)
        sizes = {len(one.each) for one in self.methods.values()} | {len(self.names or self.pictures)}
        if sizes != {count} or len(self.references) not in (0, count):
            raise FrameError(
                f"each of {count} pictures has its caption, its name and its references; got {sorted(sizes)} captions "
                f"and names, and {len(self.references)} lists of references."
            )

    @cached_property
    def measures(self) -> CaptionMeasures:
        """What can be measured of the captions."""
        return CaptionMeasures(references=self.references, judge=self.judge)

    @property
    def decider(self) -> str:
        """What decides: the judge's facts, the references, or the reward."""
        return self.measures.decider

    @cached_property
    def judged(self) -> Mapping[str, Sequence[JudgedCaption]]:
        """What the judge finds in each caption of each method; empty without one."""
        return (
            {}
            if self.judge is None
            else {name: self.measures.judged(one.captions) for name, one in self.methods.items()}
        )

    @cached_property
    def values(self) -> Mapping[str, Float[np.ndarray, " n"]]:
        """The number that decides, of each caption of each method."""
        return {name: self.measures.deciding(one.captions, self.rewards[name]) for name, one in self.methods.items()}

    @cached_property
    def gains(self) -> Mapping[str, Estimate]:
        """By how much each other method is better than the captioner alone, over paired pictures."""
        usual = self.values[USUAL]
        return {name: mean_estimate(one - usual) for name, one in self.values.items() if name != USUAL}

    @cached_property
    def leads(self) -> Mapping[str, Estimate]:
        """By how much the method that is judged is better than each other one, over paired pictures."""
        mine = self.values[self.main]
        return {name: mean_estimate(mine - one) for name, one in self.values.items() if name != self.main}

    @cached_property
    def after_each(self) -> Sequence[float]:
        """Mean of the number that decides after each step of the judged method; empty where it is the reward."""
        if self.decider == REWARD:
            return ()
        several = self.methods[self.main].captions_after_each()
        return [float(self.measures.deciding(said, np.zeros(len(said))).mean()) for said in several]

    @cached_property
    def verdict(self) -> Verdict:
        """Whether adaptation is of use, by what decides; a reward alone never makes it good."""
        return _judge(self)

    @property
    def headline(self) -> str:
        """What came out, in a sentence."""
        gain = 100 * self.gains[self.main].value
        said = f"gain {gain:.1f} points" if gain > 0 else f"lose {-gain:.1f} points" if gain else "stay as they were"
        return f"Adapted captions of {len(self.pictures):,} pictures {said} by {self.decider}."

    @property
    def remarks(self) -> list[str]:
        """What a reader of the numbers has to know."""
        found = []
        for name, one in self.methods.items():
            if one.share_adapted and one.unmoved == len(one.each):
                found.append(f"{name} moved no parameter in any episode.")
            if one.dropped:
                reason = next(each.dropped for each in one.each if each.dropped)
                found.append(f"{name}: {one.dropped} episodes were given up: {reason}.")
        return found

    def label(self, method: str) -> str:
        """Return what a reader calls a method.

        Args:
            method: Name of the method.
        """
        return _LABELS.get(method, method)

    def numbers(self, method: str) -> dict[str, float]:
        """Return the means of one method, by the heading of a column.

        Args:
            method: Name of the method.
        """
        return self.measures.means(self.methods[method].captions, self.judged.get(method, ()), self.rewards[method])

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain values, for JSON."""
        return {
            "headline": self.headline,
            "judge": self.decider,
            "verdict": asdict(self.verdict),
            "main": self.main,
            "protocol": dict(self.protocol),
            "methods": {
                name: {**self.numbers(name), "adapted": one.share_adapted, "dropped": one.dropped}
                for name, one in self.methods.items()
            },
            "gains": {name: asdict(one) for name, one in self.gains.items()},
            "leads": {name: asdict(one) for name, one in self.leads.items()},
            "after_each_step": {self.decider: list(self.after_each), "reward": list(self.rewards_after_each)},
            "captions": [
                {"picture": name, **{method: one.each[place].caption for method, one in self.methods.items()}}
                for place, name in enumerate(self.names or map(str, range(len(self.pictures))))
            ],
            "remarks": self.remarks,
        }


def _judge(report: CaptionNumbers) -> Verdict:
    gain = report.gains[report.main]
    rivals = {name: one for name, one in report.leads.items() if name != USUAL}
    worse = [f"{report.label(name)}: {points(one)}" for name, one in rivals.items() if one.high < 0]
    surely = gain.low > 0 and not worse and report.decider != REWARD
    before, after = (float(report.values[name].mean()) for name in (USUAL, report.main))
    reasons = [f"Surely worse than {', '.join(worse)}."] if worse else []
    if report.decider == REWARD:
        reasons.append("Judged by its own reward, which says nothing of whether the captions are true.")
    if report.rewards[report.main].mean() > report.rewards[USUAL].mean() and gain.high < 0:
        reasons.append("The reward rises while the captions get worse: it is fooled.")
    return Verdict(
        word=USELESS if gain.value <= 0 else GOOD if surely else WEAK,
        sentence=f"By {report.decider} {100 * before:.1f} before and {100 * after:.1f} adapted: {points(gain)}.",
        reasons=tuple(reasons),
    )
