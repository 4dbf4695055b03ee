"""`ReportNumbers`: how good some rewards are, as a table and as JSON; a page is filled in from them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from vlmrm.report.agents import AgentRanks
from vlmrm.report.answers import CARE, Answer, Evidence
from vlmrm.report.fooling import Fooling, Shown
from vlmrm.report.map_over_state import StateMap
from vlmrm.report.scene_goals import SceneGoals
from vlmrm.report.scoring import Scored
from vlmrm.report.section import Section
from vlmrm.report.verdict import GOOD, USELESS, WEAK, Verdict, best_control

_ORDER = (GOOD, WEAK, USELESS)
_HEADER = ("reward", "verdict", "AUROC", "AP", "FP at 90 %", "EPIC", "best control")


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """One reward of a report."""

    evidence: Evidence
    """What was measured."""
    verdict: Verdict
    """How far it can be trusted."""
    answers: Sequence[Answer]
    """What people ask of it."""
    fooling: Fooling
    """Frames where it and the labels disagree most."""

    @property
    def name(self) -> str:
        """What the report calls it."""
        return self.evidence.candidate.name

    @property
    def rank(self) -> tuple[int, float]:
        """Sorts the best first."""
        return _ORDER.index(self.verdict.word), -self.evidence.measures.auroc.value


@dataclass(frozen=True, kw_only=True, eq=False)
class ReportNumbers:
    """Rewards judged on the same labelled frames, the best first."""

    source: str
    """Name of the frames' source."""
    about: str
    """What the frames are, and who labelled them."""
    entries: Sequence[Entry]
    """Entry of each reward, the best first."""
    scored: Scored
    """Frames and scores."""
    goals: SceneGoals | None
    """Whether the best reward takes a goal of the scene for another. None: there is no other, or nobody can say."""
    remarks: Sequence[str]
    """What limits the numbers."""
    versions: Mapping[str, str]
    """Versions of the packages that made them."""
    agents: Mapping[str, AgentRanks] = field(default_factory=dict)
    """How each reward ranks agents. Empty: none were given."""
    sections: Sequence[Section] = ()
    """What was added to the page."""

    @property
    def best(self) -> Entry:
        """The reward to take."""
        return self.entries[0]

    @property
    def headline(self) -> str:
        """The verdict in a sentence."""
        best = self.best
        if len(self.entries) == 1:
            return f"{best.name} is {best.verdict.word} on {self.source}."
        if best.verdict.word == USELESS:
            return f"None of these {len(self.entries)} rewards is of use on {self.source}."
        return f"Of {len(self.entries)} rewards on {self.source}, {best.name} is the best: it is {best.verdict.word}."

    @property
    def changes(self) -> list[str]:
        """What to change, of the best reward."""
        advised = [answer.advice for answer in self.best.answers if answer.level == CARE and answer.advice]
        return [*(f"{reason[:1].upper()}{reason[1:]}." for reason in self.best.verdict.reasons), *advised]

    def table(self) -> str:
        """Return the numbers of all rewards as lines of text, for terminals."""
        rows = [_HEADER, *(_row(entry) for entry in self.entries)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain values, for JSON."""
        labels = self.scored.labels
        return {
            "source": self.source,
            "about": self.about,
            "headline": self.headline,
            "frames": len(labels),
            "in_goal": int(labels.in_goal.sum()),
            "groups": len(set(labels.groups)),
            "embedded": dict(self.scored.embedded),
            "changes": self.changes,
            "remarks": list(self.remarks),
            "goals": None if self.goals is None else _plain(asdict(self.goals)),
            "agents": {name: asdict(ranks) for name, ranks in self.agents.items()},
            "versions": dict(self.versions),
            "rewards": [_plain_entry(entry) for entry in self.entries],
            **{section.name: section.numbers for section in self.sections},
        }


def _row(entry: Entry) -> tuple[str, ...]:
    found, control = entry.evidence.measures, best_control(entry.evidence.measures)
    beside = "-" if control is None else f"{control.auroc.value:.3f} ({control.name})"
    numbers = (found.auroc, found.average_precision, found.false_positives, found.epic)
    return (entry.name, entry.verdict.word, *map(str, numbers), beside)


def _plain_entry(entry: Entry) -> dict[str, Any]:
    evidence = entry.evidence
    spec = evidence.candidate.spec
    return {
        "name": entry.name,
        "spec": None if spec is None else spec.to_dict(),
        "spec_hash": None if spec is None else spec.hash(),
        "fingerprint": evidence.candidate.fingerprint,
        "verdict": asdict(entry.verdict),
        "measures": _plain(asdict(evidence.measures)) | {"no_interval": evidence.measures.no_interval},
        "controls_left_out": dict(evidence.candidate.without),
        "answers": [asdict(answer) for answer in entry.answers],
        "map": None if evidence.state_map is None else _plain_map(evidence.state_map),
        "encounter": None if evidence.encounter is None else _plain(asdict(evidence.encounter)),
        "fooled_by": {
            "paid": [_plain_shown(shown) for shown in entry.fooling.paid],
            "missed": [_plain_shown(shown) for shown in entry.fooling.missed],
        },
    }


def _plain_shown(shown: Shown) -> dict[str, Any]:
    alike = shown.look_alike
    beside = None if alike is None else {"frame": alike.name, "cosine": alike.cosine}
    return {"frame": shown.name, "score": shown.score, "look_alike": beside}


def _plain_map(found: StateMap) -> dict[str, Any]:
    """Without numbers that JSON has no word for: blank cells and open bounds are null."""
    known = [[float(cell) if np.isfinite(cell) else None for cell in row] for row in found.mean]
    bounds = [[bound if np.isfinite(bound) else None for bound in pair] for pair in found.bounds]
    return {
        "variables": list(found.variables),
        "edges": [edges.tolist() for edges in found.edges],
        "mean": known,
        "bounds": bounds,
        "peak": list(found.peak),
        "peaks_inside": found.peaks_inside,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not np.isfinite(value) else value
