"""The audit that a training is warned by: named, or found beside its folder, and of the same reward, weights and task.

A run keeps a copy, so that its page can say years later what was known when it began.
"""

from pathlib import Path

from vlmrm.atomic import write_json
from vlmrm.errors import SpecError
from vlmrm.plain_files import read_json
from vlmrm.report.audit.saved_audit import SavedAudit
from vlmrm.training.run.directory import RunDirectory
from vlmrm.training.run_parts import Parts

NAME = "audit.json"
"""Name of an audit that is found without being named, and of the copy in a run's folder."""


def keep_audit(parts: Parts, run: RunDirectory) -> str | None:
    """Copy the audit of a run's reward and task into its folder, if one is at hand.

    That is the file which the configuration names; without one, ``audit.json`` in the folder that holds the run's
    folder, and then in the current folder. Files that are found and are of something else are passed over.

    Args:
        parts: Parts of the run.
        run: Its folder.

    Returns:
        What to tell the user of a named audit that says nothing of this run; None: nothing.

    Raises:
        SpecError: The file that is named is not an audit.
    """
    named = parts.plan.config.reward.audit
    if named is not None:
        path = Path(named)
        other = _other(SavedAudit.load(path), parts)
        if other is not None:
            return f"the audit {path} is of {other}, and says nothing of this training."
        write_json(run.audit, read_json(path))
        return None
    for path in (run.path.parent / NAME, Path(NAME)):
        if path.is_file() and _is_of_this_run(path, parts):
            write_json(run.audit, read_json(path))
            return None
    return None


def require_audit(named: str | None) -> None:
    """Refuse a file that is named as an audit and is none, before anything is written.

    Args:
        named: Path of the file. None: no file is named.

    Raises:
        SpecError: It is not an audit.
    """
    if named is not None:
        SavedAudit.load(named)


def kept_audit(run: RunDirectory) -> SavedAudit | None:
    """Return the audit that a run was begun with; None: none was at hand, or the copy is damaged.

    Args:
        run: The run's folder.
    """
    try:
        return SavedAudit.load(run.audit) if run.audit.is_file() else None
    except SpecError:
        return None


def audit_note(run: RunDirectory) -> str | None:
    """Return a warning that names the probes which failed; None: none did.

    Args:
        run: The run's folder.
    """
    audit = kept_audit(run)
    if audit is None or not audit.failed:
        return None
    fails = "fails" if len(audit.failed) == 1 else "fail"
    return (
        f"in the audit of this reward {len(audit.failed)} of {audit.carried_out} probes {fails}: "
        f"{', '.join(audit.failed)}. An agent may find the same; {run.audit} says what."
    )


def _other(audit: SavedAudit, parts: Parts) -> str | None:
    """What an audit is of instead of the run's reward and task; None: of these."""
    spec, reward = parts.plan.spec, parts.reward
    return audit.other_than(
        spec_hash=None if spec is None else spec.hash(),
        fingerprint=None if reward is None else reward.fingerprint,
        task=parts.plan.task,
    )


def _is_of_this_run(path: Path, parts: Parts) -> bool:
    try:
        return _other(SavedAudit.load(path), parts) is None
    except SpecError:  # other programs write files of this name
        return False
