"""``vlmrm score``: what a reward makes of pictures."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vlmrm.atomic import json_text
from vlmrm.cli.arguments import Score
from vlmrm.cli.table import format_table
from vlmrm.data.frame_files import read_frames
from vlmrm.errors import SpecError, UnknownTask, VlmrmError
from vlmrm.prompts import PromptSet
from vlmrm.rewards.features import FrameFeatures
from vlmrm.rewards.features.cameras import require_shared_goal
from vlmrm.rewards.heads.projection import score_alphas
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.spec import RewardSpec
from vlmrm.tasks import find_task, is_task

_SPEC_FILES = (".toml", ".json")


def run(given: Score) -> int:
    """Print one row per frame."""
    spec, paths = _spec(given)
    if given.alphas:
        spec = replace(spec, scaling=None)  # closeness itself, which is what alphas are compared by
    alphas = list(given.alphas) or [spec.alpha]
    if len(set(alphas)) < len(alphas):
        raise SpecError(f"--alphas has one of them twice; got {', '.join(map(str, alphas))}.")
    for alpha in alphas:
        replace(spec, alpha=alpha)  # refused here, before a large model is loaded
    if not spec.compares_alphas and (given.alphas or (given.alpha is not None and not spec.options.projects)):
        others = {word for word in spec.words() - {"views", "scaling"} if ":" not in word}
        more = ([] if spec.options.projects else [f"head={spec.head!r}"]) + sorted(others)
        raise SpecError(
            f"alphas belong to a plain projection of one picture, and the reward has {' and '.join(more)}. Leave out "
            "--alpha and --alphas, or score a reward without."
        )
    missing = [path for path in paths if not Path(path).exists()]
    if missing:
        raise SpecError(f"there is no file or folder {missing[0]}.")
    names, columns = _score(RewardModel.from_spec(spec, device=given.device), paths, alphas)
    if given.json:
        rows = zip(names, zip(*columns.values(), strict=True), strict=True)
        keys = [str(alpha) for alpha in alphas] if spec.compares_alphas else list(columns)
        frames = [{"frame": name, "rewards": dict(zip(keys, values, strict=True))} for name, values in rows]
        print(json_text({"spec": spec.to_dict(), "spec_hash": spec.hash(), "frames": frames}, ascii_only=True))
    else:
        cells = [["" if value is None else f"{value:.4f}" for value in column] for column in columns.values()]
        print(format_table(["frame", *columns], [list(row) for row in zip(names, *cells, strict=True)]))
    return 0


def _spec(given: Score) -> tuple[RewardSpec, tuple[str, ...]]:
    for sentence in (*given.goal, *given.baseline):
        if Path(sentence).exists():
            raise SpecError(f"{sentence} is a file or folder, no sentence. Put frames before --goal and --baseline.")
    paths = given.inputs
    spec = _named_first(paths, has_goal=bool(given.goal))
    if spec is not None:
        paths = paths[1:]
        said = {role: getattr(given, role) for role in ("goal", "baseline") if getattr(given, role)}
        if "baseline" in said and not spec.options.projects:
            raise SpecError(f"--baseline has no effect: the head {spec.head} looks at goal and negatives only.")
        if "goal" in said:
            require_shared_goal(spec)
        spec = replace(spec, prompts=replace(spec.require_prompts(), **said)) if said else spec
    elif given.goal:
        spec = RewardSpec(encoder="sim-s", prompts=PromptSet(given.goal, given.baseline))
    else:
        raise SpecError("give a reward (a .toml or .json file, the name of a task, or --goal) and frames.")
    if not paths:
        raise SpecError("no frames were given: name pictures, folders, videos or .npy files after the reward.")
    changes: dict[str, Any] = {"encoder": given.encoder, "alpha": given.alpha}
    return replace(spec, **{name: value for name, value in changes.items() if value is not None}), paths


def _named_first(inputs: Sequence[str], *, has_goal: bool) -> RewardSpec | None:
    """The reward that the first of the inputs names; with a goal it may be a frame as well."""
    if not inputs:
        return None
    try:
        return named_spec(inputs[0])
    except VlmrmError:
        if has_goal and Path(inputs[0]).exists() and Path(inputs[0]).suffix not in _SPEC_FILES:
            return None
        raise


def named_spec(name: str) -> RewardSpec:
    """The reward of a file or of a task.

    Args:
        name: Of a .toml or .json file, of a reward or of a task; or of a task in the catalogue.

    Raises:
        SpecError: It is a file of another kind, or no spec.
        UnknownTask: There is no such task.
    """
    if Path(name).suffix in _SPEC_FILES and not is_task(name):
        return RewardSpec.load(name)
    try:
        return find_task(name).reward
    except UnknownTask:
        if not Path(name).exists():
            raise
    raise SpecError(f"{name} is not a reward. Put a reward file or a task before the frames, or give --goal.")


def _score(
    reward: RewardModel, paths: tuple[str, ...], alphas: list[float]
) -> tuple[list[str], dict[str, list[float | None]]]:
    """Names of the frames, and a column for each alpha, or the columns that explain the score."""
    names: list[str] = []
    seen = []
    for path in paths:
        for batch in read_frames(path):
            names += batch.names
            seen.append(reward.read(batch.frames))
    every = FrameFeatures.join(seen)
    if reward.spec.compares_alphas:
        scores = score_alphas(reward, every, alphas)
        columns = dict(zip((f"alpha={alpha}" for alpha in alphas), scores, strict=True))
    else:
        columns = reward.explain(every)
    plain = {
        name: [value if math.isfinite(value) else None for value in column.tolist()] for name, column in columns.items()
    }
    return names, plain
