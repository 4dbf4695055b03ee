"""`report_runs`: several training runs on one page, with the average over seeds of each setting and its interval."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vlmrm.errors import RunError, SpecError
from vlmrm.metrics import Estimate, interquartile_mean, iqm_over_seeds
from vlmrm.report.page import fill
from vlmrm.report.plots import draw_lines
from vlmrm.report.saving import Page
from vlmrm.training.outcome import Summary
from vlmrm.training.plan import Plan
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.run.metrics import MetricsRow

# may differ within a setting
_BY_CHANCE = ("config.train.seed", "config.output.", "config.machine.", "config.task", "folder")
_NOTHING = (None, "null", "[]", "{}")  # an option that was not given
_MOST_LINES = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class RunResult:
    """What came of one run."""

    name: str
    """Name of the run's folder."""
    said: Mapping[str, str]
    """What was to be done, as JSON by the path of each option."""
    summary: Summary
    """Results of the run at its end."""
    rows: Sequence[MetricsRow]
    """Numbers over the steps."""

    def value(self, by_success: bool) -> float:
        """Share of successes, or mean return by the environment's own reward, of the agent at the end.

        Args:
            by_success: Which of the two.

        Raises:
            RunError: The return is not a finite number.
        """
        trained = self.summary.trained
        found = trained.success if by_success else trained.env_return
        if found is None:
            raise RunError(f"{self.name} has no finite return, which an average could be made of. Leave it out.")
        return found

    @property
    def setting(self) -> dict[str, str]:
        """What was to be done but for the seed, and where files and numbers were kept."""
        return {path: value for path, value in self.said.items() if not path.startswith(_BY_CHANCE)}


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """Runs that differ in nothing but their seeds."""

    name: str
    """What tells it from the other settings, or its task."""
    runs: Sequence[RunResult]
    """Runs of this setting, in the order of their seeds."""
    values: Sequence[float]
    """Success or return of each run."""
    average: Estimate | None
    """Interquartile mean with its interval over seeds. None: there is one run."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RunsReport(Page):
    """Several training runs."""

    settings: Sequence[Setting]
    """Runs by setting, in the order in which they were named."""
    by_success: bool
    """Whether numbers are shares of successes. False: a run has no success rule, so all are returns."""

    @property
    def headline(self) -> str:
        """What came out, in a sentence."""
        averages = {setting.name: interquartile_mean(setting.values) for setting in self.settings}
        first = [setting for setting in self.settings if averages[setting.name] == max(averages.values())]
        best = first[0]
        what = "success" if self.by_success else "return by the environment's own reward"
        said = f"{best.values[0]:.3g} of one run" if best.average is None else str(best.average)
        count = sum(len(setting.runs) for setting in self.settings)
        if len(self.settings) == 1:
            return f"{best.name}: over {count} seeds the interquartile mean of {what} is {said}."
        names = " and ".join(setting.name for setting in first) + (" is" if len(first) == 1 else " are")
        return f"Of {count} runs in {len(self.settings)} settings, {names} the best: {what} {said}."

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain values, for JSON."""
        return {
            "headline": self.headline,
            "measure": "success" if self.by_success else "env_return",
            "settings": [
                {
                    "name": setting.name,
                    "interquartile_mean": None if setting.average is None else asdict(setting.average),
                    "runs": [
                        {"name": run.name, "seed": run.summary.seed, "steps": run.summary.steps, "value": value}
                        for run, value in zip(setting.runs, setting.values, strict=True)
                    ],
                }
                for setting in self.settings
            ],
        }

    def html(self) -> str:
        """Return the page, one file that needs no other."""
        return fill("runs.html", report=self, curves=_curves(self))


def report_runs(runs: Sequence[str | Path]) -> RunsReport:
    """Compare finished training runs; those that differ in their seeds alone are averaged.

    Args:
        runs: The runs' folders, two or more.

    Raises:
        RunError: There is no such run, it has not finished, or its files are damaged.
        SpecError: There is one run alone, or one stands there twice, by its folder or by its setting and seed.
    """
    found = [_read(Path(run)) for run in runs]
    if len(found) < 2:
        raise SpecError(f"to compare runs takes two or more; got {len(found)}.")
    by_setting: dict[str, list[RunResult]] = {}
    for run in found:
        by_setting.setdefault(json.dumps(run.setting, sort_keys=True), []).append(run)
    by_success = all(run.summary.trained.success is not None for run in found)
    names = _names([members[0].setting for members in by_setting.values()], found[0].summary.task)
    settings = [_setting(name, runs, by_success) for name, runs in zip(names, by_setting.values(), strict=True)]
    return RunsReport(settings=settings, by_success=by_success)


def _read(folder: Path) -> RunResult:
    directory = RunDirectory(folder)
    plan = Plan.from_dict(RunDirectory.read_json(directory.config), folder)
    if not directory.summary.exists():
        raise RunError(
            f"{folder} has not finished: it has no summary.json. Go on with it: vlmrm train --resume {folder}"
        )
    return RunResult(
        name=folder.resolve().name,
        said=dict(_leaves(plan.to_dict())),
        summary=Summary.from_dict(RunDirectory.read_json(directory.summary)),
        rows=directory.metrics.read(),
    )


def _leaves(said: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Values by the path of their keys, each as JSON."""
    if not isinstance(said, Mapping) or not said:
        yield path, json.dumps(said)
        return
    for key, value in said.items():
        yield from _leaves(value, f"{path}.{key}" if path else str(key))


def _names(settings: Sequence[Mapping[str, str]], task: str) -> list[str]:
    """What differs between settings; of one, or where nothing short does, the task."""
    paths = list(dict.fromkeys(path for setting in settings for path in setting))
    apart = [path for path in paths if len({setting.get(path) for setting in settings}) > 1]
    short = [path for path in apart if path.startswith(("config.", "task.name"))] or apart
    said = [_said(setting, [path for path in short if setting.get(path) not in _NOTHING]) for setting in settings]
    if len(set(said)) < len(settings):
        said = [_said(setting, short) for setting in settings]
    return [name or task for name in said]


def _said(setting: Mapping[str, str], paths: Sequence[str]) -> str:
    return ", ".join(f"{path.removeprefix('config.')} {setting.get(path, 'null')}" for path in paths)


def _setting(name: str, runs: Sequence[RunResult], by_success: bool) -> Setting:
    runs = sorted(runs, key=lambda run: run.summary.seed)
    seeds = [run.summary.seed for run in runs]
    twice = [run.name for run in runs if seeds.count(run.summary.seed) > 1]
    if twice:
        raise SpecError(
            f"{' and '.join(twice)} have the same setting and the same seed, so that they are one run and not two. "
            "Leave one out."
        )
    values = [run.value(by_success) for run in runs]
    average = iqm_over_seeds({name: values}) if len(values) > 1 else None
    return Setting(name=name, runs=runs, values=values, average=average)


def _curves(report: RunsReport) -> str:
    """Interquartile mean of each setting over the steps at which all of its runs were evaluated; empty: too many."""
    column = "eval_success" if report.by_success else "eval_env_return"
    lines = {setting.name: points for setting in report.settings if (points := _line(setting, column))}
    if not lines or len(lines) > _MOST_LINES:
        return ""
    return draw_lines(lines, "success" if report.by_success else "environment's own return")


def _line(setting: Setting, column: str) -> list[tuple[int, float]]:
    measured = [
        {row.step: value for row in run.rows if (value := getattr(row, column)) is not None} for run in setting.runs
    ]
    steps = sorted(set.intersection(*(set(one) for one in measured)))
    return [(step, interquartile_mean([one[step] for one in measured])) for step in steps]
