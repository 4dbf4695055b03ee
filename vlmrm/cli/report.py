"""``vlmrm report``: how far rewards can be trusted, on one page."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from vlmrm.cli.arguments import Report as Given
from vlmrm.cli.frame_progress import frame_progress
from vlmrm.cli.labelled_source import no_labels, source_of_files
from vlmrm.cli.page_file import require_page_file
from vlmrm.cli.score import named_spec
from vlmrm.data import FrameSource, frames_of_task, read_scores
from vlmrm.errors import SpecError, UnknownTask
from vlmrm.prompts import PromptSet
from vlmrm.report import Report, evaluate
from vlmrm.report.audit import Audit, audit
from vlmrm.report.concepts import read_sentences, with_concepts
from vlmrm.report.scorers import AnyReward, PlacedSpec
from vlmrm.report.words import percent
from vlmrm.rewards.features.cameras import require_shared_goal
from vlmrm.rewards.spec import RewardSpec
from vlmrm.tasks import Task, find_task
from vlmrm.training.run_agents import agents_of_run
from vlmrm.training.run_report import report_run
from vlmrm.training.runs_report import report_runs

_OF_FRAMES = (
    "labels", "success", "failure", "goal_at", "rewards", "scores", "goal", "baseline", "models", "alphas", "frames",
    "seed", "budget", "agents", "audit", "device",
)  # fmt: skip


def run(given: Given) -> int:
    """Judge, write the page, and print the table."""
    reads = (given.source, *given.rewards, *given.scores, given.labels or "", *given.success, *given.failure)
    require_page_file(given.out, force=given.force, reads=reads)
    if (Path(given.source) / "config.json").is_file():
        return _report_run(given)
    if given.others:
        raise SpecError(
            f"several runs can be compared, and {given.source} is none. Give one SOURCE, or folders of runs."
        )
    source = _source(given)
    rewards = _rewards(given, source)
    sentences = _sentences(given)
    _require_a_reward(given, rewards)
    agents = {} if given.agents is None else agents_of_run(given.agents, task=_task_to_act_in(source))
    report = evaluate(rewards, source, alphas=given.alphas, budget=given.budget, progress=frame_progress("scored"))
    if agents and source.task is not None:
        report = report.with_agents(source.task, agents)
    if given.audit:
        report = report.with_section(_audit(report, source, seed=given.seed).section())
    if given.concepts:
        report = with_concepts(report, source, sentences)
        _say_concepts(report)
    report.save(given.out)
    print(report.table())
    print(f"\n{report.headline} {report.best.verdict.sentence}")
    for change in report.changes:
        print(f"- {change}")
    for remark in report.remarks:
        print(f"note: {remark}")
    print(f"wrote {given.out} and {given.out.with_suffix('.json')}")
    return 0


def _require_a_reward(given: Given, rewards: Mapping[str, AnyReward]) -> None:
    """Refuse what asks a reward about pictures where there are tables of scores alone."""
    if len(rewards) > len(given.scores):
        return
    if given.audit:
        raise SpecError("--audit asks a reward about other pictures, and --scores are tables. Name a reward as well.")
    if given.concepts:
        raise SpecError("--concepts takes embeddings apart, and --scores are tables. Name a reward as well.")


def _sentences(given: Given) -> list[str]:
    """Sentences of the user's that may name concepts; none: the usual ones."""
    if given.concept_sentences is None:
        return []
    if not given.concepts:
        raise SpecError(
            "--concept-sentences are to name concepts, which --concepts looks for. Add it, or leave both out."
        )
    return read_sentences(given.concept_sentences)


def _say_concepts(report: Report) -> None:
    """A line with what raises the best reward, where somebody knows."""
    for section in report.sections:
        if section.name == "concepts":
            print(f"concepts: {section.numbers['headline']}")


def _audit(report: Report, source: FrameSource, *, seed: int) -> Audit:
    """What fools the best reward that can be asked about other pictures; a line says what fails."""
    found = audit(report.best_asked, source, seed=seed, progress=frame_progress("carried out", what="probes"))
    print(f"audit: {found.headline}")
    return found


def _report_run(given: Given) -> int:
    """The page of a training run, or of several."""
    unused = [name for name in _OF_FRAMES if getattr(given, name) != getattr(Given, name)]
    if unused:
        raise SpecError(f"{given.source} is a run, which has its own; --{unused[0].replace('_', '-')} has no effect.")
    sentences = _sentences(given)
    if given.others:
        return _report_runs(given)
    report = report_run(given.source, concepts=given.concepts, sentences=sentences)
    report.save(given.out)
    print(report.headline)
    if report.judged is not None:
        _say_concepts(report.judged)
    for agent in () if report.ranks is None else report.ranks.agents:
        print(f"{agent.name}: {percent(agent.in_goal)} of its steps in the goal, text reward {agent.reward:.3f} a step")
    print(f"wrote {given.out} and {given.out.with_suffix('.json')}")
    return 0


def _report_runs(given: Given) -> int:
    if given.concepts:
        raise SpecError("--concepts takes the frames of one run apart. Report one run, or leave it out.")
    report = report_runs([given.source, *given.others])
    report.save(given.out)
    print(report.headline)
    for setting in report.settings:
        said = "one run" if setting.average is None else f"interquartile mean {setting.average}"
        print(f"{setting.name}: {said} ({', '.join(f'{value:.3g}' for value in setting.values)})")
    print(f"wrote {given.out} and {given.out.with_suffix('.json')}")
    return 0


def _task_to_act_in(source: FrameSource) -> Task:
    if source.task is None:
        raise SpecError(f"--agents act in a task, and {source.name} is made of files. Report a task, or leave it out.")
    return source.task


def _source(given: Given) -> FrameSource:
    """The labelled frames that the options name; exactly one kind of them."""
    found = source_of_files(given)
    if found is not None:
        return found
    path = Path(given.source)
    try:
        task = find_task(given.source)
    except UnknownTask:
        if not path.exists():
            raise
        raise no_labels(given.source) from None
    return frames_of_task(task, given.frames, seed=given.seed)


def _rewards(given: Given, source: FrameSource) -> dict[str, AnyReward]:
    """Every reward with every encoder, and the scores made elsewhere."""
    named: dict[str, RewardSpec] = {name: named_spec(name) for name in given.rewards}
    if not named and source.task is not None:
        named = {source.task.name: source.task.reward}
    if not named and given.goal:
        named = {"goal": RewardSpec(encoder="sim-s", prompts=PromptSet(given.goal, given.baseline))}
    if not named and not given.scores:
        raise SpecError("give a reward to judge: --rewards, --goal, or --scores.")
    found: dict[str, AnyReward] = {}
    for name, spec in named.items():
        said = {role: getattr(given, role) for role in ("goal", "baseline") if getattr(given, role)}
        if "goal" in said:
            require_shared_goal(spec)
        spec = replace(spec, prompts=replace(spec.require_prompts(), **said)) if said else spec
        for model in given.models or (spec.encoder,):
            label = model if len(named) == 1 else name if len(given.models) < 2 else f"{name}, {model}"
            found[label] = PlacedSpec(spec=replace(spec, encoder=model), device=given.device)
    for path in given.scores:
        found[path.stem] = read_scores(path)
    return found
