"""``versions.json``: with which versions, and which encoder, a run was started and resumed."""

import platform
import subprocess
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vlmrm.atomic import write_json
from vlmrm.errors import RunError
from vlmrm.plain_files import read_json

_PACKAGES = ("vlmrm", "torch", "gymnasium", "stable-baselines3", "open_clip_torch", "mujoco", "numpy")


class VersionsFile:
    """Writes and reads ``versions.json``: Python, packages, git revision and encoder, an entry per start or resumption.

    Args:
        path: Path of the file, which is made at the first start.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def note(
        self,
        step: int,
        fingerprint: str | None,
        scoring: Mapping[str, Any] | None = None,
        *,
        second: str | None = None,
    ) -> None:
        """Write down with what the run is started or resumed.

        Args:
            step: Step of the run from which on this holds.
            fingerprint: Fingerprint of the encoder; None without a text reward.
            scoring: Device, precision and batch size of the encoder; None: the reward was loaded by the caller.
            second: What tells the second reward from others; None: there is none.
        """
        used = {"encoder": fingerprint, "second_reward": second, "scoring": scoring}
        write_json(self.path, [*self._entries(), {"from_step": step, **environment_versions(), **used}])

    def require_same_encoder(self, fingerprint: str | None, *, second: str | None = None) -> None:
        """Refuse to go on with another encoder than the run began with, or with another second reward.

        A spec names its encoder and does not know its weights. A run that goes on with others would be trained on two
        rewards, and its curves would tell of neither.

        Args:
            fingerprint: Fingerprint of the encoder as it is now; None without a text reward.
            second: What tells the second reward from others, as it is now; None: there is none.

        Raises:
            RunError: If the run began with another one.
        """
        first = next(iter(self._entries()), {})
        for key, what, now in (("encoder", "an encoder", fingerprint), ("second_reward", "a second reward", second)):
            began = first.get(key)
            if began is not None and began != now:
                raise RunError(
                    f"{self.path.parent} cannot go on: it began with {what} of fingerprint {began}, whose fingerprint "
                    f"now is {now}. Weights, preprocessing or, of a second reward, its file have changed: put the "
                    "former back, or begin a new run."
                )

    def _entries(self) -> list[dict[str, Any]]:
        """One entry per start or resumption so far."""
        return list(read_run_json(self.path)) if self.path.exists() else []


def read_run_json(path: Path) -> Any:
    """Return the contents of a JSON file of a run.

    Raises:
        RunError: It is missing or damaged.
    """
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is missing or damaged: {error}") from error


def environment_versions() -> dict[str, Any]:
    """Python, the packages that matter for the numbers, and the git revision of the current folder."""
    return {
        "time": datetime.now().astimezone().isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: found for name in _PACKAGES if (found := _package_version(name)) is not None},
        "git": git_revision(),
    }


def git_revision() -> Mapping[str, Any] | None:
    """The commit that the current folder is at, and whether files differ from it; None outside a repository."""
    revision = _git("rev-parse", "HEAD")
    if revision is None:
        return None
    return {"revision": revision, "dirty": bool(_git("status", "--porcelain", "--untracked-files=no"))}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _package_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
