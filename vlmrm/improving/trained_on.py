"""Which reward and which agent the training of a round began with, so that neither is made anew beside it unnoticed."""

import hashlib
import json
from pathlib import Path

from vlmrm.training.run.directory import RunDirectory


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


def _digest(said: bytes) -> str:
    return hashlib.sha256(said).hexdigest()[:16]
