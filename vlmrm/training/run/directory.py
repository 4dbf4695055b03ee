"""`RunDirectory`: where one training run keeps everything it writes."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from vlmrm.atomic import remove_unfinished, write_json
from vlmrm.errors import RunError
from vlmrm.training.run.metrics import MetricsFile
from vlmrm.training.run.versions import VersionsFile, read_run_json

_BEST = "best.json"


class RunDirectory:
    """The files of one run.

    - ``config.json``: the configuration with defaults filled in, the task, the hash of its reward, and where it lay.
      ``uncertainty.safetensors``: a copy of what the reward reads, where it says so.
    - ``versions.json``: see `VersionsFile`.
    - ``audit.json``: a copy of the audit of its reward and task that was at hand when it began.
    - ``metrics.csv``: see `MetricsRow`. ``tensorboard/``: the same and the algorithm's own numbers.
    - ``checkpoints/``: see `vlmrm.training.run.checkpoint`.
    - ``before.mp4``, ``after.mp4``: an episode of random actions, and one of the trained agent.
    - ``partings.json``, ``parting-STEP.mp4``: where reward and success parted, and an episode of the agent there.
    - ``reward_landscape.png``, ``curves.png``: the reward over a state variable; success and reward over steps.
    - ``summary.json``: the results; written last, so that a run which has it is complete.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config, self.versions = path / "config.json", VersionsFile(path / "versions.json")
        self.metrics = MetricsFile(path / "metrics.csv")
        self.tensorboard = path / "tensorboard"
        self.checkpoints = path / "checkpoints"
        self.before, self.after = path / "before.mp4", path / "after.mp4"
        self.partings = path / "partings.json"
        self.audit = path / "audit.json"
        self.landscape, self.curves = path / "reward_landscape.png", path / "curves.png"
        self.summary = path / "summary.json"
        self.sb3_zip = path / "model.zip"
        self.comparison = path / "env_reward"
        """The run on the environment's own reward, where one was asked for."""

    read_json = staticmethod(read_run_json)

    @classmethod
    def create(cls, path: Path) -> "RunDirectory":
        """A new run.

        Raises:
            RunError: Something is in the folder, or it cannot be made.
        """
        cls.require_free(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"the folder {path} cannot be made: {error}. Choose another --out.") from error
        return cls(path)

    @classmethod
    def require_free(cls, path: Path) -> None:
        """Refuse a folder that something else is in.

        Raises:
            RunError: It exists and is not empty.
        """
        if path.is_dir():
            remove_unfinished(path)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            is_run = path.is_dir() and cls(path).config.is_file()
            go_on = f"Go on with it: vlmrm train --resume {path}; or choose" if is_run else "Choose"
            raise RunError(f"{path} exists already and is not empty. {go_on} another --out.")

    @classmethod
    def open(cls, path: Path) -> "RunDirectory":
        """A run that was begun; what a crash left half-written is removed.

        Raises:
            RunError: There is no run.
        """
        run = cls(path)
        if not run.config.is_file():
            raise RunError(f"{path} is not a run directory: it has no config.json.")
        for folder in (run.path, run.checkpoints):
            remove_unfinished(folder)
        return run

    def files(self) -> dict[str, str]:
        """What is there, by kind, with its path."""
        kinds = {
            "config": self.config,
            "audit": self.audit,
            "metrics": self.metrics.path,
            "curves": self.curves,
            "reward landscape": self.landscape,
            "video before": self.before,
            "video after": self.after,
            "partings": self.partings,
            "checkpoints": self.checkpoints,
            "tensorboard": self.tensorboard,
            "sb3 zip": self.sb3_zip,
            "env reward run": self.comparison,
            "summary": self.summary,
        }
        return {kind: str(path) for kind, path in kinds.items() if path.exists() or path == self.summary}

    def read_best(self) -> dict[str, Any] | None:
        """Step and numbers of the evaluation of the best agent so far."""
        best = self.checkpoints / _BEST
        return self.read_json(best) if best.exists() else None

    def write_best(self, step: int, numbers: Mapping[str, float | None]) -> None:
        """Note that the agent of this step is the best so far.

        Args:
            step: When it was evaluated.
            numbers: What it was compared by; None: it was not measured.
        """
        write_json(self.checkpoints / _BEST, {"step": step, **numbers})


def run_name(task: str, reward: str, seed: int, now: datetime) -> str:
    """The name of a run's folder.

    Args:
        task: Name of the task.
        reward: Name of the encoder, or what else rewards.
        seed: Random seed of the run.
        now: When it starts.

    Example:
        >>> run_name("cartpole/upright", "ViT-B-32/openai", 0, datetime(2030, 1, 31, 9, 5, 0))
        'cartpole-upright-ViT-B-32-openai-seed0-20300131-090500'
    """
    plain = [re.sub(r"[^A-Za-z0-9._]+", "-", part).strip("-.") for part in (task, reward)]
    return "-".join([*plain, f"seed{seed}", now.strftime("%Y%m%d-%H%M%S")])
