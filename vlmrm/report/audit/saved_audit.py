"""`SavedAudit`: an audit as its JSON file holds it, for those who only want to know what failed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlmrm.errors import SpecError
from vlmrm.plain_files import read_json
from vlmrm.report.audit.probe import FAIL, LEFT_OUT
from vlmrm.tasks import Task


@dataclass(frozen=True, kw_only=True)
class SavedAudit:
    """What an audit found, without its pictures."""

    spec_hash: str | None
    """Hash of the reward's spec. None: it has none."""
    fingerprint: str | None
    """Which weights the reward reads with. None: unknown."""
    task: str | None
    """Name of the task whose frames were looked at. None: they come from files."""
    pictures: str | None = None
    """Digest of how that task was drawn. None: an older file, which does not say, or frames from files."""
    failed: Mapping[str, str]
    """What was found by each probe that failed, by the probe's name."""
    carried_out: int
    """Number of probes that were not left out."""

    @classmethod
    def load(cls, path: str | Path) -> "SavedAudit":
        """Return the audit of a file that `Audit.save` or ``vlmrm audit`` wrote beside its page.

        Args:
            path: The JSON file.

        Raises:
            SpecError: It cannot be read, or holds something else.
        """
        try:
            return cls.from_dict(read_json(Path(path)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SpecError(
                f"{path} is not the JSON file of an audit: {type(error).__name__}: {error}. `vlmrm audit` writes one "
                "beside its page."
            ) from error

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SavedAudit":
        """Return an audit from what `Audit.to_dict` returned; KeyError, TypeError or ValueError where it is not that.

        Args:
            values: Plain values, as of JSON.

        Example:
            >>> probes = [{"name": "borders", "verdict": "fail", "says": "flat"}, {"name": "mirror", "verdict": "pass"}]
            >>> said = {"spec_hash": "1a", "fingerprint": "2b", "task": "a/b", "probes": probes}
            >>> SavedAudit.from_dict(said).failed
            {'borders': 'flat'}
        """
        names = {name: values[name] for name in ("spec_hash", "fingerprint", "task")}
        names["pictures"] = values.get("pictures")
        if any(not isinstance(value, str | None) for value in names.values()):
            raise ValueError("spec_hash, fingerprint, task and pictures are texts or null")
        probes = values["probes"]
        return cls(
            **names,
            failed={str(one["name"]): str(one["says"]) for one in probes if one["verdict"] == FAIL},
            carried_out=sum(one["verdict"] != LEFT_OUT for one in probes),
        )

    def other_than(self, *, spec_hash: str | None, fingerprint: str | None, task: Task) -> str | None:
        """Return what an audit was made of instead of a reward in a task, in a few words; None: of these.

        Args:
            spec_hash: Hash of the reward's spec.
            fingerprint: Fingerprint of its weights.
            task: The task, as it is drawn.
        """
        if self.spec_hash is None or self.spec_hash != spec_hash:
            return "another reward"
        if self.fingerprint is None or self.fingerprint != fingerprint:
            return "other weights"
        if self.task != task.name:
            return f"the task {self.task}" if self.task else "frames from files"
        if self.pictures not in (None, pictures_of(task)):
            return f"other pictures of {task.name}: another camera, or other arguments of its environment"
        return None


def pictures_of(task: Task) -> str:
    """Return a digest of what decides a task's pictures, but for their quality, which the reward's spec has.

    Args:
        task: The task.

    Example:
        >>> from dataclasses import replace
        >>> from vlmrm.tasks import find_task
        >>> task = find_task("pendulum/upright")
        >>> pictures_of(task) == pictures_of(replace(task, env_kwargs={"g": 9.81}))
        False
    """
    cameras = {name: camera.to_dict() for name, camera in task.drawn_cameras.items()}
    camera = None if task.camera is None else task.camera.to_dict()
    decide = [task.env_id, dict(task.env_kwargs), list(task.wrappers), camera, list(cameras.items())]
    return hashlib.sha256(json.dumps(decide, sort_keys=True, default=str).encode()).hexdigest()[:12]
