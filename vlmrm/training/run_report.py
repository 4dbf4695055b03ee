"""`report_run`: what came of a training run, on one page: curves, videos, agents, and the reward on what they did."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vlmrm.errors import SpecError
from vlmrm.metrics import Estimate, share_estimate
from vlmrm.report.agents import AgentRanks, episodes_of, ranks_of
from vlmrm.report.concepts import with_concepts
from vlmrm.report.evaluation import evaluate
from vlmrm.report.page import fill, shown_entry
from vlmrm.report.parting import Parting
from vlmrm.report.plots import draw_lines
from vlmrm.report.report import Report
from vlmrm.report.saving import Page
from vlmrm.report.scorers import AnyReward
from vlmrm.report.words import percent
from vlmrm.rewards.protocols import FrameReward
from vlmrm.training.audit_at_hand import kept_audit
from vlmrm.training.episodes import Evaluation
from vlmrm.training.outcome import Summary
from vlmrm.training.plan import Plan
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.run.metrics import MetricsRow
from vlmrm.training.run_agents import LAST, RANDOM, agents_of_run
from vlmrm.training.run_videos import films_of
from vlmrm.training.watch import partings_of

_REWARD = "the reward of the run"


@dataclass(frozen=True, kw_only=True, eq=False)
class RunReport(Page):
    """A training run and the reward that it was trained on."""

    folder: Path
    """The run's folder."""
    plan: Plan
    """What was trained, and how."""
    rows: Sequence[MetricsRow]
    """Numbers over the steps."""
    summary: Summary | None
    """The results. None: the run has not finished."""
    ranks: AgentRanks | None
    """Agents of the run and a random policy by its reward and by the environment's own. None: there is no text reward
    to judge."""
    partings: Sequence[Parting]
    """Where text reward and success part."""
    judged: Report | None
    """The reward on the frames of these episodes. None: there is none, or all frames are in the goal or none is."""
    why_not_judged: str
    """Why the reward was not judged; empty: it was."""
    failed_probes: Mapping[str, str] = field(default_factory=dict)
    """What failed in the audit that the run was begun with, by the probe's name. Empty: nothing, or there was none."""

    @property
    def headline(self) -> str:
        """What came out, in a sentence."""
        task = self.plan.task.name
        if self.summary is None:
            return f"{task}: the run has not finished."
        trained = self.summary.trained
        if trained.success is None:
            return f"{task}: the environment's own return is {trained.env_return} after {self.summary.steps:,} steps."
        share, steps = percent(trained.success), f"{self.summary.steps:,}"
        return f"{task}: {share} of {trained.episodes} episodes succeed after {steps} steps."

    def success_of(self, evaluation: Evaluation | None) -> Estimate | None:
        """The share of an evaluation's successes with its interval.

        Args:
            evaluation: None: there is none.
        """
        if evaluation is None or evaluation.success is None or not evaluation.episodes:
            return None
        return share_estimate(round(evaluation.success * evaluation.episodes), evaluation.episodes)

    @property
    def facts(self) -> Mapping[str, str]:
        """What it was trained on."""
        config, task, spec = self.plan.config, self.plan.task, self.plan.spec
        prompts = None if spec is None else spec.prompts
        said: dict[str, Any] = {
            "task": f"{task.name}: {task.description}",
            "environment": f"{task.env_id}, {task.episode_steps} steps an episode",
            "reward": "the environment's own" if spec is None else f"{spec.encoder}, head {spec.head}",
            "goal": "" if prompts is None else " / ".join(prompts.goal),
            "baseline": "" if prompts is None else " / ".join(prompts.baseline),
            "success": ""
            if task.success is None
            else f"{task.success.at_least} of the last {task.success.within_last} "
            f"steps within {', '.join(f'{k} {v[0]:g} to {v[1]:g}' for k, v in task.success.where.items())}",
            "algorithm": f"{self.plan.algorithm.name}, {config.train.steps or 0:,} steps, seed {config.train.seed}",
            "begins as": "" if config.train.start_from is None else f"the agent of {config.train.start_from.name}",
        }
        return {name: str(value) for name, value in said.items() if value}

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain values, for JSON."""
        return {
            "headline": self.headline,
            "facts": dict(self.facts),
            **({"agents": [], "kendall": None} if self.ranks is None else asdict(self.ranks)),
            "partings": [asdict(one) for one in self.partings],
            "failed_probes": dict(self.failed_probes),
            "summary": None if self.summary is None else _without_paths(self.summary),
            "reward": None if self.judged is None else self.judged.to_dict(),
        }

    def html(self) -> str:
        """Return the page, one file that needs no other."""
        videos, parting_videos = films_of(RunDirectory(self.folder))
        return fill(
            "run.html",
            run=self,
            curves=_curves(self.rows),
            videos=videos,
            parting_videos=parting_videos,
            shown=None if self.judged is None else shown_entry(self.judged, self.judged.best),
            successes=_successes(self),
        )


def report_run(
    run: str | Path,
    *,
    episodes: int = 3,
    reward: FrameReward | None = None,
    concepts: bool = False,
    sentences: Sequence[str] = (),
) -> RunReport:
    """Report a training run; a page of one that goes on shows what there is so far.

    Args:
        run: The run's folder.
        episodes: Episodes of each agent that are drawn, to judge the reward on what agents do.
        reward: Reward of a run that was given one by its caller, as to `train`. None: the one that its files name.
        concepts: Whether to look for what raises the reward in the frames of these episodes.
        sentences: Sentences that may name the concepts. None given: those of the reward, and of all installed tasks.

    Raises:
        RunError: There is no such run, or its files are damaged.
        SpecError: Concepts are to be found, and there is no text reward to judge.
    """
    directory = RunDirectory(Path(run))
    plan = Plan.from_dict(RunDirectory.read_json(directory.config), directory.path)
    finished = directory.summary.exists()
    rows = directory.metrics.read()
    audit = kept_audit(directory)
    judged, ranks, why = _judge(plan, directory, episodes, reward, sentences if concepts else None)
    if concepts and judged is None:
        raise SpecError(f"what raises a reward is found where it is judged, and here it is not. {why}")
    return RunReport(
        folder=directory.path,
        plan=plan,
        rows=rows,
        summary=Summary.from_dict(RunDirectory.read_json(directory.summary)) if finished else None,
        ranks=ranks,
        partings=partings_of(rows),
        judged=judged,
        why_not_judged=why,
        failed_probes={} if audit is None else audit.failed,
    )


def _judge(
    plan: Plan, directory: RunDirectory, episodes: int, given: FrameReward | None, naming: Sequence[str] | None
) -> tuple[Report | None, AgentRanks | None, str]:
    """The reward on what the agents did, with concepts unless `naming` is None."""
    reward: AnyReward | None = plan.spec if given is None else given
    if reward is None:
        return None, None, "It was trained on the environment's own reward, or on a function that no file holds."
    agents = agents_of_run(directory.path)
    source = episodes_of(plan.task, agents, episodes=episodes)
    try:
        report = evaluate({_REWARD: reward}, source)
    except SpecError as error:
        return None, None, str(error)
    if naming is not None:
        report = with_concepts(report, source, naming)
    return report, ranks_of(report.scored.scores[_REWARD], report.scored.labels, agents), ""


def _evaluated(rows: Sequence[MetricsRow], column: str) -> list[tuple[int, float]]:
    return [(row.step, value) for row in rows if (value := getattr(row, column)) is not None]


def _curves(rows: Sequence[MetricsRow]) -> list[tuple[str, str]]:
    """Drawings with what they show."""
    drawn = []
    for columns, label in (
        ({"evaluations": "eval_success"}, "success"),
        ({"training": "train_vlm_reward", "evaluations": "eval_vlm_reward"}, "text reward per step"),
        ({"evaluations": "eval_second_reward"}, "second reward per step"),
        ({"evaluations": "eval_env_return"}, "environment's own return"),
    ):
        lines = {name: points for name, column in columns.items() if (points := _evaluated(rows, column))}
        if lines:
            drawn.append((label, draw_lines(lines, label)))
    return drawn


def _without_paths(summary: Summary) -> dict[str, Any]:
    """The summary without the paths of files, since a page is handed on to others."""
    return {name: value for name, value in asdict(summary).items() if name not in ("run", "files")}


def _successes(report: RunReport) -> list[tuple[str, Estimate]]:
    summary = report.summary
    if summary is None:
        return []
    named = {
        RANDOM: summary.random,
        LAST: summary.trained,
        "agent trained on the environment's own reward": summary.env_reward,
    }
    return [(name, found) for name, one in named.items() if (found := report.success_of(one)) is not None]
