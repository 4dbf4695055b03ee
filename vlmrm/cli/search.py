"""``vlmrm search``: the sentence, camera or form of a reward that separates goal frames best."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from vlmrm.cli.arguments import Search
from vlmrm.cli.labelled_source import no_labels, source_of_files
from vlmrm.cli.score import named_spec
from vlmrm.errors import SpecError, UnknownTask
from vlmrm.prompts import PromptSet
from vlmrm.rewards.spec import RewardSpec
from vlmrm.search import (
    CameraSearch,
    LabelledParts,
    PromptSearch,
    RewardSearch,
    SearchResult,
    search_camera,
    search_prompts,
    search_rewards,
)
from vlmrm.search.camera_map import camera_toml, draw_camera_map
from vlmrm.tasks import Task, find_task
from vlmrm.training.progress import Progress

_OF_OTHERS = {
    "prompts": ("views", "around", "pairs", "models", "map"),
    "camera": ("labels", "success", "failure", "goal_at", "sentences", "rounds", "models"),
    "reward": ("views", "around", "pairs", "sentences", "rounds", "map"),
}
"""Options that have no effect on a kind of search."""


def run(given: Search) -> int:
    """Search, print what was found, and write what is kept."""
    _check(given)
    result = _KINDS[given.what](given)
    result.save(given.out, take_best=given.take_best)
    print(result.table())
    print(f"\n{result.headline}")
    if result.warning:
        print(result.warning)
    for remark in result.remarks:
        print(f"note: {remark}")
    takes = result.is_better or given.take_best
    tables = result.best.tables if takes else {}
    if tables:
        print("\n" + "\n\n".join(camera_toml(camera, name) for name, camera in tables.items()) + "\n")
    if given.map is not None:
        print(f"drew {draw_camera_map(result, given.map)}")
    print(f"wrote {given.out}: {_written(result, takes)}")
    return 0


def _written(result: SearchResult, takes: bool) -> str:
    if takes and result.best is not result.shipped:
        return f"the {result.what} found"
    more = "" if result.best is result.shipped else "; --take-best writes the one found"
    return f"the {result.what} as it was{more}"


def _check(given: Search) -> None:
    if not given.what or given.what not in _KINDS:
        said = f"; got {given.what!r}" if given.what else ""
        raise SpecError(f"say what to search for: vlmrm search {'|'.join(_KINDS)} SOURCE{said}.")
    if not (given.source or given.success or given.failure):
        raise SpecError(f"give labelled frames: vlmrm search {given.what} TASK, or FRAMES with --labels.")
    for name in _OF_OTHERS[given.what]:
        if getattr(given, name) != getattr(Search, name):
            raise SpecError(f"--{name.replace('_', '-')} has no effect on a search for {given.what}. Leave it out.")
    if given.out.suffix != ".json":
        raise SpecError(f"what is found is written as JSON, a file whose name ends in .json; got --out {given.out}.")
    if given.out.exists() and not given.force:
        raise SpecError(f"{given.out} is there already. Give another --out, or --force to write over it.")
    if given.map is not None and given.map.suffix != ".png":
        raise SpecError(f"the map of cameras is a picture, a file whose name ends in .png; got --map {given.map}.")


def _prompts(given: Search) -> SearchResult:
    options = PromptSearch(sentences=given.sentences, rivals=given.rivals, rounds=given.rounds)
    progress = _say(lambda rounds, tried: f"{tried:,} sentences tried, {rounds} of {given.rounds} rounds")
    return search_prompts(_reward(given), _parts(given), options=options, progress=progress)


def _camera(given: Search) -> SearchResult:
    options = CameraSearch(
        views=given.views, pairs=given.pairs, frames=given.frames, held_out=given.held_out, seed=given.seed
    )
    progress = _say(lambda done, total, best: f"{done} of {total} views, the best AUROC so far {best:.3f}")
    return search_camera(
        _task(given), rewards={"": _reward(given)}, around=given.around or None, options=options, progress=progress
    )


def _reward_form(given: Search) -> SearchResult:
    options = RewardSearch(rivals=given.rivals, encoders=given.models)
    progress = _say(lambda done, total, tried: f"{tried:,} forms tried, {done} of {total} ways to read frames")
    return search_rewards(_reward(given), _parts(given), options=options, progress=progress)


_KINDS: dict[str, Callable[[Search], SearchResult]] = {
    "prompts": _prompts,
    "camera": _camera,
    "reward": _reward_form,
}


def _parts(given: Search) -> LabelledParts:
    """The labelled frames: two draws of a task, or those of files in two parts."""
    found = source_of_files(given)
    if found is not None:
        return LabelledParts(search=found, seed=given.seed)
    return LabelledParts.of_task(_task(given), given.frames, held_out=given.held_out, seed=given.seed)


def _task(given: Search) -> Task:
    try:
        return find_task(given.source)
    except UnknownTask:
        if not Path(given.source).exists():
            raise
    if given.what != "camera":
        raise no_labels(given.source)
    raise SpecError(f"a camera is searched in a task, whose states can be drawn anew; {given.source} are pictures.")


def _reward(given: Search) -> RewardSpec:
    """The reward to begin with: the one named, the task's own, or --goal."""
    said = {role: getattr(given, role) for role in ("goal", "baseline") if getattr(given, role)}
    of_task = given.labels is None and not (given.success or given.failure or given.goal_at)
    if given.reward or of_task:
        spec = named_spec(given.reward) if given.reward else _task(given).reward
        return replace(spec, prompts=replace(spec.require_prompts(), **said)) if said else spec
    if not given.goal:
        raise SpecError("give a reward to begin with: --reward or --goal.")
    return RewardSpec(encoder="sim-s", prompts=PromptSet(given.goal, given.baseline))


def _say(words: Callable[..., str]) -> Callable[..., None]:
    """Says how far a search is, on a terminal or in a log."""
    progress = Progress(sys.stderr)

    def show(*numbers: int | float) -> None:
        progress.working(words(*numbers))

    return show
