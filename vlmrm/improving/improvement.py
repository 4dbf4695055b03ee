"""`Improvement`: what the rounds have come to, as numbers and on one page."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vlmrm.improving.correcting import Correction, ScoredLabel
from vlmrm.improving.options import ImproveOptions
from vlmrm.improving.round_folder import RoundFolder, read_summary
from vlmrm.report.page import fill
from vlmrm.report.plots import draw_lines, picture_data
from vlmrm.report.saving import Page
from vlmrm.report.words import percent
from vlmrm.training.episodes import Evaluation
from vlmrm.training.outcome import Summary
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.run.metrics import MetricsRow

LABELLED_BY = {
    "oracle": "labelled by the task's own success bounds, which a user does not have",
    "person": "labelled by a person",
}
"""What summaries say of who labelled, by the word of `ImproveOptions.labelled_by`."""
RANDOM_POLICY = "random policy"


@dataclass(frozen=True, kw_only=True, eq=False)
class Round:
    """One round: its labels, its reward, and the training on it."""

    files: RoundFolder
    """Folder of the round, with what lies in it."""
    correction: Correction | None
    """What the labels have made of the reward. None: they are not there yet."""
    summary: Summary | None
    """Results of the training. None: it has not finished, or the reward was refused."""
    rows: Sequence[MetricsRow]
    """Numbers of the training over its steps."""
    remarks: Sequence[str]
    """What could not be proposed and why, and what is to be known of its labels."""

    @property
    def success(self) -> float | None:
        """Share of the last evaluation's episodes that succeed. None: not trained, or the task has no success rule."""
        return None if self.summary is None else self.summary.trained.success

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "round": self.files.number,
            "correction": None if self.correction is None else self.correction.to_dict(),
            "trained": None if self.summary is None else asdict(self.summary.trained),
            "remarks": list(self.remarks),
        }

    @classmethod
    def read(cls, files: RoundFolder, remarks: Sequence[str] = ()) -> "Round":
        """Return what is there of a round.

        Args:
            files: Its files.
            remarks: What is to be known of its labels.

        Raises:
            RunError: One is damaged.
        """
        return cls(
            files=files,
            correction=files.read_correction(),
            summary=files.read_summary(),
            rows=RunDirectory(files.run).metrics.read(),
            remarks=[*(files.read_origins()["remarks"] if files.is_proposed else []), *remarks],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Improvement(Page):
    """A reward that was corrected, round by round, and the agents that were trained on it."""

    folder: Path
    """Folder of the rounds."""
    task: str
    """Name of the task."""
    options: ImproveOptions
    """How the reward was corrected."""
    started_from: Path | None
    """Run whose agent the first round began with. None: there was none."""
    rounds: Sequence[Round]
    """Rounds that have begun."""
    waiting: str = ""
    """What has to be done before it can go on. Empty: all rounds are done, or the newest reward was refused."""

    @property
    def headline(self) -> str:
        """What came out, in a sentence."""
        trained = [one for one in self.rounds if one.summary is not None and one.correction is not None]
        done = f"{self.task}: {len(trained)} of {self.options.rounds} rounds of labels are trained on"
        if not trained or trained[-1].correction is None:
            return f"{done}."
        judged = trained[-1].correction
        said = f"{done}; in the newest, AUROC on {judged.kept_aside} labels kept aside went from "
        said += f"{judged.before.auroc:.3f} to {judged.after.auroc:.3f}"
        success, (name, before) = trained[-1].success, self.before
        if success is not None:
            said += f", and {percent(success)} of the episodes succeed"
        if before is not None and before.success is not None:
            said += f"; with the {name} it was {percent(before.success)}"
        return f"{said}."

    @property
    def judged(self) -> bool:
        """Whether the task has a success rule, so that agents are told by it and not by returns."""
        return all(one.summary is None or one.summary.trained.success is not None for one in self.rounds)

    @property
    def success_column(self) -> str:
        """What the last column of the table is."""
        return "success" if self.judged else "env return"

    @property
    def labelled_by(self) -> str:
        """Who labelled."""
        return LABELLED_BY[self.options.labelled_by]

    @property
    def before(self) -> tuple[str, Evaluation | None]:
        """The policy before the first round, with its last evaluation; None: it has not been evaluated."""
        if self.started_from is not None:
            summary = read_summary(self.started_from)
            return f"agent of {self.started_from.name}", None if summary is None else summary.trained
        first = self.rounds[0].summary if self.rounds else None
        return RANDOM_POLICY, None if first is None else first.random

    def rows(self) -> tuple[list[str], list[list[str]]]:
        """Return the head and the rows of a table: the policy before, and each round."""
        head = ["round", "labels", "goal", "AUROC before", "after", "AP before", "after", self.success_column]
        name, evaluated = self.before
        found = [[name, *[""] * 6, self.said(evaluated)]]
        return head, found + [self._row(one) for one in self.rounds]

    def said(self, evaluated: Evaluation | None) -> str:
        """Return the result of an evaluation as tables have it.

        Args:
            evaluated: None: there is none.
        """
        if evaluated is None or not evaluated.episodes:
            return ""
        if evaluated.success is not None:
            return percent(evaluated.success)
        return "" if evaluated.env_return is None else f"{evaluated.env_return:.4g}"

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain values, for JSON."""
        name, evaluated = self.before
        return {
            "headline": self.headline,
            "task": self.task,
            "labelled_by": self.labelled_by,
            "options": asdict(self.options),
            "before": {"policy": name, "evaluation": None if evaluated is None else asdict(evaluated)},
            "rounds": [one.to_dict() for one in self.rounds],
            "waiting": self.waiting,
        }

    def html(self) -> str:
        """Return the page, one file that needs no other."""
        head, rows = self.rows()
        return fill(
            "improve.html",
            improvement=self,
            head=head,
            rows=rows,
            curve=self._curve(),
            shown=[(one, self._frames(one), self._links(one)) for one in self.rounds],
        )

    def _row(self, one: Round) -> list[str]:
        judged, name = one.correction, f"{one.files.number}"
        if judged is None:
            return [name, *[""] * 7]
        numbers = [judged.before.auroc, judged.after.auroc]
        numbers += [judged.before.average_precision, judged.after.average_precision]
        count, goals = len(judged.frames), sum(row.in_goal for row in judged.frames)
        result = "refused" if judged.refused else self.said(None if one.summary is None else one.summary.trained)
        return [name, f"{count}", f"{goals}", *(f"{number:.3f}" for number in numbers), result]

    def _curve(self) -> str:
        """Success, or the environment's own return, of the runs one after another; empty: nothing was evaluated."""
        column = "eval_success" if self.judged else "eval_env_return"
        runs = [one.rows for one in self.rounds if one.rows]
        if self.started_from is not None:
            runs.insert(0, RunDirectory(self.started_from).metrics.read())
        points: list[tuple[int, float]] = []
        starts: list[int] = []
        first = 0
        for rows in filter(None, runs):
            starts.append(first)
            points += [(first + row.step, value) for row in rows if (value := getattr(row, column)) is not None]
            first += rows[-1].step
        label = "success" if self.judged else "environment's own return"
        return draw_lines({label: points}, label, starts=starts[1:]) if points else ""

    def _frames(self, one: Round) -> list[tuple[ScoredLabel, str, str]]:
        """Labelled frames with their pictures and where they are from, the best paid first."""
        if one.correction is None:
            return []
        origins: Mapping[str, str] = {row["frame"]: row["from"] for row in one.files.read_origins()["frames"]}
        ranked = sorted(one.correction.frames, key=lambda row: -row.before)
        return [(row, picture_data(one.files.read_picture(row.frame)), origins[row.frame]) for row in ranked]

    def _links(self, one: Round) -> list[str]:
        """Files of a round, relative to the page."""
        run = RunDirectory(one.files.run)
        paths = [one.files.labels, one.files.correction, one.files.reward, run.curves, run.after, run.summary]
        return [path.relative_to(self.folder).as_posix() for path in paths if path.exists()]
