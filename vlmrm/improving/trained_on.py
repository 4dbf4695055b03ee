"""Which reward and which agent the training of a round began with, so that neither is made anew beside it unnoticed."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vlmrm.atomic import write_json
from vlmrm.errors import RunError
from vlmrm.improving.round_folder import RoundFolder
from vlmrm.training.run.directory import RunDirectory


@dataclass(frozen=True, kw_only=True)
class TrainedOn:
    """What the training of a round begins with, told apart by digests; empty: nothing is known."""

    correction: str
    """Of what was fitted."""
    agent: str
    """Of the run whose agent it begins as."""

    @classmethod
    def now(cls, files: RoundFolder, start: Path | None) -> "TrainedOn":
        """Return what the training would begin with now.

        Args:
            files: Files of the round, whose reward is there.
            start: The run whose agent it begins as. None: an untrained one.

        Raises:
            RunError: A file is damaged.
        """
        fitted = _digest(files.correction.read_bytes()) if files.correction.exists() else ""
        return cls(correction=fitted, agent="" if start is None else identity_of(start))

    def write(self, files: RoundFolder) -> None:
        """Note it beside the run.

        Args:
            files: Files of the round.
        """
        write_json(files.trained_on, asdict(self))


def require_as_trained(files: RoundFolder, start: Path | None, spec_hash: str) -> None:
    """Refuse to go on with a run whose reward, or the agent that it began as, was made anew since.

    Args:
        files: Files of the round, whose run has begun.
        start: The run whose agent the round begins as. None: an untrained one.
        spec_hash: Hash of the round's reward as it is now.

    Raises:
        RunError: One was; the message says what to delete. Or a file is damaged.
    """
    noted, now = files.read_trained_on(), TrainedOn.now(files, start)
    config = RunDirectory.read_json(RunDirectory(files.run).config)
    refitted = _differ(noted.get("correction"), now.correction) or _differ(config.get("spec_hash"), spec_hash)
    if refitted:
        raise RunError(
            f"{files.name}: {files.run} was trained on another reward than {files.reward}, which was fitted anew "
            f"since. Delete {_named([files.run, *_made_after(files)])}, and start again; frames and labels stay as "
            "they are."
        )
    if _differ(noted.get("agent"), now.agent):
        raise RunError(
            f"{files.name}: {files.run} began as the agent of another run than {start}, which was made anew since. "
            f"Delete {_named([files.reward, files.run, *_made_after(files)])}, and start again; frames and labels stay "
            "as they are."
        )


def identity_of(run: Path) -> str:
    """Return a digest of when and with what a run began, which is the same wherever it lies. Empty: nothing tells.

    Args:
        run: The run's folder.

    Raises:
        RunError: Its ``versions.json`` is damaged.
    """
    versions = RunDirectory(run).versions.path
    first = RunDirectory.read_json(versions)[:1] if versions.exists() else []
    return _digest(json.dumps(first, sort_keys=True).encode()) if first else ""


def _differ(noted: Any, now: str) -> bool:
    """Whether both are known, and are not the same."""
    return bool(noted and now and noted != now)


def _made_after(files: RoundFolder) -> list[Path]:
    """What later rounds have made of this one."""
    found, number = list[Path](), files.number + 1
    while (later := RoundFolder(files.path.with_name(f"round_{number}"), number)).path.is_dir():
        found += [path for path in (later.reward, later.run) if path.exists()]
        number += 1
    return found


def _named(paths: list[Path]) -> str:
    return " and ".join(filter(None, [", ".join(map(str, paths[:-1])), str(paths[-1])]))


def _digest(said: bytes) -> str:
    return hashlib.sha256(said).hexdigest()[:16]
