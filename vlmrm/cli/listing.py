"""``vlmrm tasks`` and ``vlmrm models``: what there is."""

import json as jsonlib
from dataclasses import asdict, dataclass
from typing import Annotated

from tyro.conf import Positional, arg

from vlmrm.cli.table import format_table
from vlmrm.tasks import SuccessRule, Task, TrainSettings, all_tasks, find_task


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """List the tasks that `vlmrm train` knows."""

    names: Annotated[Positional[tuple[str, ...]], arg(metavar="[TASK|SCENE ...]", help_behavior_hint="")] = ()
    """Only these, or all of a scene, like humanoid. Default: all."""
    json: bool = False
    """Print JSON with everything about each task."""

    def run(self) -> int:
        """Print them.

        Raises:
            UnknownTask: One does not exist; nothing is printed then.
        """
        tasks = [task for name in self.names for task in _named(name)] or list(all_tasks().values())
        if self.json:
            print(jsonlib.dumps([task.to_dict() for task in tasks], indent=2, ensure_ascii=False))  # noqa: T201
            return 0
        print("\n\n".join(_paragraph(task) for task in tasks))  # noqa: T201
        if self.names:
            return 0
        print('\nAny other environment: vlmrm train --env ID --goal "…" --baseline "…"')  # noqa: T201
        return 0


@dataclass(frozen=True, kw_only=True)
class Models:
    """List the models that come with the package, and say how to name others."""

    json: bool = False
    """Print JSON."""

    def run(self) -> int:
        """Print them."""
        from vlmrm.encoders import list_models  # loads torch

        cards = list_models()
        if self.json:
            plain = [asdict(card) | {"words": sorted(card.words)} for card in cards]
            print(jsonlib.dumps(plain, indent=2, ensure_ascii=False))  # noqa: T201
            return 0
        rows = [[card.name, f"{card.parameters / 1e6:.1f} M", f"{card.size_px} px", str(card.dim)] for card in cards]
        print(format_table(["model", "numbers", "picture", "embedding"], rows))  # noqa: T201
        for card in cards:
            print(f"\n{card.name}: {card.description}")  # noqa: T201
            print("\n".join(f"  knows {line}" for line in card.knows))  # noqa: T201
        print(_OTHERS)  # noqa: T201
        return 0


_OTHERS = """
The built-in models know only the small world above. Any other model by its name:
  ViT-L-14/openai               NAME/TAG of OpenCLIP; downloaded once
  ViT-B-32/weights.safetensors  an OpenCLIP architecture with weights of your own
  hf-hub:OWNER/NAME             a repository in OpenCLIP's format
  local-dir:FOLDER              a folder in OpenCLIP's format
All names and tags: python -c "import open_clip; print(open_clip.list_pretrained())\""""


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
        camera = "camera " + ", ".join(f"{key} {value}" for key, value in task.camera.to_dict().items())
    return f"{camera}; quality {task.render_quality or 'as the environment draws'}"


def _in_words(rule: SuccessRule) -> str:
    """A success rule as a sentence.

    Example:
        >>> _in_words(SuccessRule(where={"angle_deg": (-12, 12)}, within_last=50, at_least=45))
        'angle_deg in -12..12, in at least 45 of the last 50 steps'
    """
    bounds = " and ".join(f"{name} in {low:.4g}..{high:.4g}" for name, (low, high) in rule.where.items())
    return f"{bounds}, in at least {rule.at_least} of the last {rule.within_last} steps"
