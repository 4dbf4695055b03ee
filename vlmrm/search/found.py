"""What a search has found: everything that was tried, the best first, and the best of it on frames held out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from vlmrm.atomic import write_json
from vlmrm.errors import SpecError
from vlmrm.metrics import Estimate, auroc, estimate, paired_difference
from vlmrm.rendering import Camera
from vlmrm.rewards.spec import RewardSpec
from vlmrm.search.separation import Separation

RESAMPLES = 1_000
"""Bootstrap resamples of each interval."""
JUDGED = 10
"""How many of the best are judged on held-out frames."""
_HEADER = ("tried", "AUROC to search on", "AUROC held out", "gain over the shipped one")


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """One thing that was tried."""

    name: str
    """What tables call it."""
    spec: RewardSpec
    """The whole reward."""
    camera: Camera | None = None
    """Camera of the task. None: as it was, or several."""
    cameras: Mapping[str, Camera] = field(default_factory=dict)
    """Cameras of the task by name, whose scores the reward joins. Empty: one camera."""
    search: Separation
    """How well it separates the frames to search on."""
    held_out: Estimate | None = None
    """AUROC on held-out frames. None: it was not among the best, and nobody looked."""
    gain: Estimate | None = None
    """That AUROC less the shipped reward's, on the same resamples. None: as above."""

    @property
    def tables(self) -> Mapping[str, Camera]:
        """Cameras by the name of their table in a task: ``camera``, or ``cameras.NAME`` of several; none: as it was."""
        if self.camera is not None:
            return {"camera": self.camera}
        return {f"cameras.{name}": camera for name, camera in self.cameras.items()}

    @property
    def views(self) -> Sequence[Camera]:
        """The camera, or all of several; none: as the task's was."""
        return tuple(self.tables.values())

    @property
    def overfitting(self) -> float | None:
        """AUROC on the frames to search on less AUROC on held-out frames. None: it was not judged."""
        return None if self.held_out is None else self.search.auroc - self.held_out.value

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "name": self.name,
            "spec": self.spec.to_dict(),
            "camera": None if self.camera is None else self.camera.to_dict(),
            "cameras": {name: camera.to_dict() for name, camera in self.cameras.items()} or None,
            "search": asdict(self.search),
            "held_out": None if self.held_out is None else asdict(self.held_out),
            "gain": None if self.gain is None else asdict(self.gain),
            "overfitting": self.overfitting,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Exam:
    """What judges the best of a search."""

    what: str
    """What is searched for: ``sentence``, ``camera`` or ``reward``."""
    given: RewardSpec
    """The reward as it was given, with all that the search left out of it."""
    searched: Bool[np.ndarray, " m"]
    """Whether each frame to search on shows the goal."""
    in_goal: Bool[np.ndarray, " n"]
    """Whether each held-out frame shows the goal."""
    groups: Sequence[str] | None
    """Groups of the held-out frames, for intervals. None: unknown."""
    score: Callable[[Found], Float[np.ndarray, " n"]]
    """Returns the scores of the held-out frames by something that was tried."""
    remarks: Sequence[str] = ()
    """What limits the numbers."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchResult:
    """Everything that was tried, the best first."""

    what: str
    """What was searched for: ``sentence``, ``camera`` or ``reward``."""
    given: RewardSpec
    """The reward as it was given, with all that the search left out of it."""
    shipped: Found
    """What the search began with."""
    ranked: Sequence[Found]
    """The winner, then all else that was tried, the shipped one among it, by what they reach on the frames to search
    on."""
    searched: tuple[int, int]
    """Numbers of frames to search on, in the goal and outside of it."""
    judged: tuple[int, int]
    """The same of the held-out frames."""
    remarks: Sequence[str] = ()
    """What limits the numbers."""

    @property
    def best(self) -> Found:
        """The winner, by the frames to search on alone."""
        return self.ranked[0]

    @property
    def is_better(self) -> bool:
        """Whether the winner beats the shipped one on held-out frames with an interval above 0."""
        return self.best.gain is not None and self.best.gain.low > 0

    @property
    def headline(self) -> str:
        """Whether anything better was found, in a sentence."""
        best, gain = self.best, self.best.gain
        if best is self.shipped or gain is None or best.held_out is None:
            return f"Nothing better was found: of {len(self.ranked):,} tried, the shipped {self.what} is the best."
        numbers = f"AUROC {best.held_out} on held-out frames, {self.shipped.held_out} shipped, gain {gain}"
        if gain.low > 0:
            return f"A better {self.what} was found: {best.name}. {numbers}."
        if gain.high < 0:
            return (
                f"The shipped {self.what} is kept: the one found is worse on held-out frames: {best.name}. {numbers}."
            )
        return (
            f"The shipped {self.what} is kept: the one found is not shown to be better: {best.name}. {numbers}, which "
            "includes 0. More labelled frames would tell."
        )

    @property
    def warning(self) -> str:
        """How much of what the search promises is overfitting, in a sentence."""
        best, shipped = self.best, self.shipped
        if best.held_out is None or shipped.overfitting is None or best.overfitting is None:
            return ""
        return (
            f"The winner of {len(self.ranked):,} has {best.search.auroc:.3f} on the {sum(self.searched):,} frames that "
            f"it was chosen on and {best.held_out.value:.3f} on {sum(self.judged):,} others: "
            f"{best.overfitting:+.3f} is overfitting (the shipped one, which nobody chose there: "
            f"{shipped.overfitting:+.3f})."
        )

    def table(self, rows: int = JUDGED) -> str:
        """Return the best and the shipped one as lines of text, for terminals.

        Args:
            rows: How many of the best.
        """
        shown = list(self.ranked[:rows])
        if all(one is not self.shipped for one in shown):
            shown.append(self.shipped)
        lines = [_HEADER, *(_row(one) for one in shown)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADER))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain values, for JSON."""
        return {
            "what": self.what,
            "headline": self.headline,
            "overfitting": self.warning,
            "kept": self.best.name if self.is_better else self.shipped.name,
            "tried": len(self.ranked),
            "frames": {"search": list(self.searched), "held_out": list(self.judged)},
            "remarks": list(self.remarks),
            "shipped": self.shipped.to_dict(),
            "best": [one.to_dict() for one in self.ranked[:JUDGED]],
        }

    def save(self, path: str | Path, *, take_best: bool = False) -> None:
        """Write what is kept: a spec that `RewardSpec.load` reads, or for cameras their tables with the spec.

        The winner where it is shown to be better on held-out frames; else the reward as it was given.

        Args:
            path: A file whose name ends in ``.json``.
            take_best: Write the winner in any case.

        Raises:
            SpecError: If it ends otherwise.
        """
        takes = self.is_better or take_best
        spec, kept = (self.best.spec, self.best) if takes else (self.given, self.shipped)
        if not kept.views:
            spec.save(path)
            return
        if Path(path).suffix != ".json":
            raise SpecError(f"a camera is written as JSON, a file whose name ends in .json; got {path}.")
        said = kept.to_dict()
        tables = {key: said[key] for key in ("camera", "cameras") if said[key]}
        write_json(Path(path), {**tables, "reward": spec.to_dict()})


def _row(one: Found) -> tuple[str, ...]:
    beside = ("-", "-") if one.held_out is None else (str(one.held_out), str(one.gain))
    return (one.name, f"{one.search.auroc:.3f}", *beside)


def rank(shipped: Found, tried: Sequence[Found]) -> list[Found]:
    """Return all that was tried, the best first; of equals the shipped one, then the first.

    Args:
        shipped: What the search began with.
        tried: Everything else.
    """
    return sorted([shipped, *tried], key=lambda one: one.search, reverse=True)


def judge_found(
    exam: Exam, shipped: Found, tried: Sequence[Found], *, chosen: Found | None = None, most: int = JUDGED
) -> SearchResult:
    """Rank what was tried, and judge the best on held-out frames.

    Args:
        exam: What judges.
        shipped: What the search began with.
        tried: Everything else.
        chosen: The winner, which comes first. None: the best on the frames to search on.
        most: How many of the best to judge.
    """
    ranked, usual = rank(shipped, tried), exam.score(shipped)
    if chosen is not None:
        ranked = [chosen, *(one for one in ranked if one is not chosen)]
    judged = {id(one): _judge(one, usual, exam) for one in (shipped, *ranked[:most])}
    return SearchResult(
        what=exam.what,
        given=exam.given,
        shipped=judged[id(shipped)],
        ranked=[judged.get(id(one), one) for one in ranked],
        searched=(int(exam.searched.sum()), int((~exam.searched).sum())),
        judged=(int(exam.in_goal.sum()), int((~exam.in_goal).sum())),
        remarks=exam.remarks,
    )


def _judge(one: Found, usual: Float[np.ndarray, " n"], exam: Exam) -> Found:
    scores = exam.score(one)
    return replace(
        one,
        held_out=estimate(auroc, scores, exam.in_goal, groups=exam.groups, resamples=RESAMPLES),
        gain=paired_difference(auroc, scores, usual, exam.in_goal, groups=exam.groups, resamples=RESAMPLES),
    )
