"""`AuditNumbers`: what an audit found, as a table and as JSON; a page is filled in from them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vlmrm.metrics import Estimate
from vlmrm.report.audit.probe import FAIL, LEFT_OUT, PASS, WARN, WORST_FIRST, Exhibit, Finding, Probe

_HEADER = ("probe", "verdict", "effect", "question")


@dataclass(frozen=True, kw_only=True, eq=False)
class Answered:
    """A probe and what it found."""

    probe: Probe
    """What was asked about the reward."""
    finding: Finding
    """What the probe found out."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AuditNumbers:
    """Where a reward can be trusted and where it is fooled."""

    reward: str
    """What the reward is called."""
    spec: Mapping[str, Any] | None
    """The reward's spec as plain values. None: no file holds it."""
    spec_hash: str | None
    """Hash of the spec, by which others find the audit of a reward. None: there is no spec."""
    fingerprint: str | None
    """Which weights it reads with. None: unknown."""
    source: str
    """Name of the frames' source."""
    about: str
    """What the frames are, and who labelled them."""
    task: str | None
    """Name of the task. None: the frames come from files."""
    pictures: str | None
    """Digest of how the task is drawn (`pictures_of`). None: the frames come from files."""
    frames: int
    """Number of frames looked at."""
    in_goal: int
    """How many of them show the goal."""
    answered: Sequence[Answered]
    """Every probe with its finding, in the order of the probes."""
    remarks: Sequence[str]
    """What limits the numbers."""
    versions: Mapping[str, str]
    """Versions of the packages that made them."""

    @property
    def verdict(self) -> str:
        """The worst verdict of any probe."""
        said = {one.finding.verdict for one in self.answered}
        return next(word for word in WORST_FIRST if word in said)

    def counted(self, verdict: str) -> int:
        """Return how many probes have a verdict.

        Args:
            verdict: ``pass``, ``warn``, ``fail`` or ``left out``.
        """
        return Counter(one.finding.verdict for one in self.answered)[verdict]

    @property
    def headline(self) -> str:
        """The audit in a sentence."""
        counts = [f"{self.counted(word)} {word}" for word in (FAIL, WARN, PASS) if self.counted(word)]
        left = f"; {self.counted(LEFT_OUT)} left out" if self.counted(LEFT_OUT) else ""
        return f"{self.reward} on {self.source}: {', '.join(counts) or 'nothing could be asked'}{left}."

    def finding(self, name: str) -> Finding:
        """Return what one probe found.

        Args:
            name: Name of the probe.

        Raises:
            KeyError: It was not asked.
        """
        return {one.probe.name: one.finding for one in self.answered}[name]

    def table(self) -> str:
        """Return verdicts and effects as lines of text, for terminals."""
        rows = [_HEADER, *(_row(one) for one in self.answered)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all that was found as plain values, for JSON; pictures are on the page alone."""
        return {
            "reward": self.reward,
            "spec": self.spec,
            "spec_hash": self.spec_hash,
            "fingerprint": self.fingerprint,
            "source": self.source,
            "about": self.about,
            "task": self.task,
            "pictures": self.pictures,
            "frames": self.frames,
            "in_goal": self.in_goal,
            "verdict": self.verdict,
            "headline": self.headline,
            "probes": [_plain(one) for one in self.answered],
            "remarks": list(self.remarks),
            "versions": dict(self.versions),
        }


def _row(one: Answered) -> tuple[str, ...]:
    effect = one.finding.effect
    return one.probe.name, one.finding.verdict, "-" if effect is None else str(effect), one.probe.question


def _plain(one: Answered) -> dict[str, Any]:
    probe, finding = one.probe, one.finding
    return {
        "name": probe.name,
        "family": probe.family,
        "question": probe.question,
        "verdict": finding.verdict,
        "says": finding.says,
        "measures": probe.measures,
        "effect": None if finding.effect is None else _plain_estimate(finding.effect),
        "passes": probe.limits.passes,
        "fails": probe.limits.fails,
        "exhibits": [_plain_exhibit(exhibit) for exhibit in finding.exhibits],
    }


def _plain_estimate(effect: Estimate) -> dict[str, float | None]:
    """Without numbers that JSON has no word for: of an effect without an interval the ends are null."""
    ends = (effect.low, effect.high) if effect.known else (None, None)
    return {"value": effect.value, "low": ends[0], "high": ends[1]}


def _plain_exhibit(exhibit: Exhibit) -> dict[str, Any]:
    return {"text": exhibit.text, "says": exhibit.says, "is_picture": exhibit.picture is not None}
