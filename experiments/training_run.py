"""One training run of `vlmrm train`, what decides its result, and what came out of it.

The result is kept in the numbers of a results page as well, which outlive the runs' folders. A digest of what decides
it stands beside it, and in the name of the folder: after a change of the task, the options or a built-in encoder's
fingerprint the run is another one, and a result of before is no longer up to date.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from shipped import fingerprint

from vlmrm.rewards import RewardSpec
from vlmrm.tasks import TrainSettings
from vlmrm.tasks import find_task as read_task
from vlmrm.training.run.directory import RunDirectory

find_task = cache(read_task)  # a page asks hundreds of times
_DECIDE = (  # of a task, beside its reward and settings; the rest describes it
    "env_id", "env_kwargs", "episode_steps", "success", "own_reward", "camera", "render_quality",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run and what it is for."""

    root: Path
    """Where its folder is made."""
    name: str
    """Begins the name of its folder."""
    task: str
    """As `vlmrm train` takes it."""
    kind: str
    """What it shows."""
    seed: int
    """Of the run."""
    target: float
    """Share of successes that counts as learnt."""
    options: list[str] = field(default_factory=list)
    """More of the command line."""
    filmed: bool = False
    """Whether it makes videos."""
    eval_every: int | None = None
    """Steps between two evaluations. None: the task's."""
    numbers: Path | None = None
    """The page's numbers, by name of the run: they count where its folder is gone."""

    @property
    def folder(self) -> Path:
        """Its run directory."""
        return self.root / f"{self.name}-{self.digest()}"

    @property
    def settings(self) -> TrainSettings:
        """The task's settings that it is trained with."""
        task = find_task(self.task)
        return task.small if "--small" in self.options and task.small else task.train

    def digest(self) -> str:
        """Of what decides the result, but for chance and the code."""
        given = dict(pairwise(self.options))
        task, reward = find_task(self.task), given.get("--reward", "")
        spec = RewardSpec.load(reward) if reward not in ("", "env") else task.reward
        encoder = given.get("--encoder", spec.encoder)
        settings = self.settings
        decisive = {
            "task": {name: _plain(getattr(task, name)) for name in _DECIDE},
            "train": _plain(settings),
            "options": [option for option in self.options if option != reward],
            "reward": reward if reward == "env" else spec.hash(),
            "encoder": fingerprint(encoder) if reward != "env" else "",
            "target": self.target,
        }
        if self.eval_every is not None:
            decisive["eval_every"] = self.eval_every
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:12]

    def summary(self) -> dict[str, Any] | None:
        """What came out, with its digest and the curve of success; None while it has not finished."""
        if (self.folder / "summary.json").is_file():
            rows = RunDirectory(self.folder).metrics.read()
            curve = [[row.step, row.eval_success] for row in rows if row.eval_success is not None]
            found = json.loads((self.folder / "summary.json").read_text())
            own = {key: value for key, value in found.items() if key not in ("run", "files")}  # paths of this machine
            return {**own, "made_with": self.digest(), "curve": curve}
        kept = json.loads(self.numbers.read_text()) if self.numbers and self.numbers.is_file() else {}
        return kept.get(self.name)

    def up_to_date(self) -> bool:
        """Whether what came out is of today's task, options and weights."""
        result = self.summary()
        return result is not None and result.get("made_with") == self.digest()

    def complete(self) -> bool:
        """Whether nothing is left to do: it is up to date, and its curve was kept."""
        return self.up_to_date() and bool((self.summary() or {}).get("curve"))


def _plain(value: Any) -> Any:
    """For JSON, without what has its usual value, so that a new setting changes no digest."""
    if is_dataclass(value):
        entries = {entry.name: (getattr(value, entry.name), _usual(entry)) for entry in fields(value)}
        return {name: _plain(said) for name, (said, usual) in entries.items() if said != usual}
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def _usual(entry: Any) -> Any:
    return entry.default if entry.default_factory is MISSING else entry.default_factory()
