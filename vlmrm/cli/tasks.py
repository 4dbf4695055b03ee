"""``vlmrm tasks``: what can be trained by name."""

from vlmrm.atomic import json_text
from vlmrm.cli.arguments import Tasks
from vlmrm.rendering import Camera
from vlmrm.tasks import SuccessRule, Task, TrainSettings, all_tasks, find_task


def run(given: Tasks) -> int:
    """Print them.

    Raises:
        UnknownTask: One does not exist; nothing is printed then.
    """
    tasks = [task for name in given.names for task in _named(name)] or list(all_tasks().values())
    if given.json:
        print(json_text([task.to_dict() for task in tasks], ascii_only=True))
        return 0
    print("\n\n".join(_paragraph(task) for task in tasks))
    if given.names:
        return 0
    print('\nAny other environment: vlmrm train --env ID --goal "…" --baseline "…"')
    return 0


def _named(name: str) -> list[Task]:
    of_scene = [task for task in all_tasks().values() if task.name.startswith(f"{name}/")]
    return of_scene or [find_task(name)]


def _paragraph(task: Task) -> str:
    rows = [
        ["goal", "; ".join(task.reward.require_prompts().goal)],
        ["baseline", "; ".join(task.reward.require_prompts().baseline) or "-"],
        ["success", "unknown" if task.success is None else _in_words(task.success)],
        ["compared", task.ground_truth],
        ["encoder", task.reward.encoder],
        *([] if task.draws_itself else [["picture", _picture(task)]]),
        ["training", _in_steps(task.train) + (f"; small: {_in_steps(task.small)}" if task.small else "")],
    ]
    return f"{task.name}\n  {task.description}\n" + "\n".join(f"  {name:<9} {text}" for name, text in rows)


def _in_steps(settings: TrainSettings) -> str:
    return f"{settings.algorithm}, {settings.steps:,} steps"


def _picture(task: Task) -> str:
    camera = "the environment's own camera"
    if task.camera is not None:
        camera = f"camera {_of_camera(task.camera)}"
    if task.cameras:
        camera = "; ".join(f"camera {name}: {_of_camera(one)}" for name, one in task.drawn_cameras.items())
    return f"{camera}; quality {task.render_quality or 'as the environment draws'}"


def _of_camera(camera: Camera) -> str:
    return ", ".join(f"{key} {value}" for key, value in camera.to_dict().items())


def _in_words(rule: SuccessRule) -> str:
    """A success rule as a sentence.

    Example:
        >>> _in_words(SuccessRule(where={"angle_deg": (-12, 12)}, within_last=50, at_least=45))
        'angle_deg in -12..12, in at least 45 of the last 50 steps'
    """
    bounds = " and ".join(f"{name} in {low:.4g}..{high:.4g}" for name, (low, high) in rule.where.items())
    return f"{bounds}, in at least {rule.at_least} of the last {rule.within_last} steps"
