"""``vlmrm audit``: what fools a reward, on one page."""

from vlmrm.cli.audit_arguments import Audit
from vlmrm.cli.frame_progress import frame_progress
from vlmrm.cli.labelled_source import no_labels, require_source, source_of_files
from vlmrm.cli.page_file import require_page_file
from vlmrm.cli.score import named_spec
from vlmrm.data import FrameSource, frames_of_task
from vlmrm.errors import SpecError
from vlmrm.report.audit import BUILT_IN, audit
from vlmrm.report.scorers import PlacedSpec
from vlmrm.tasks import Task, find_task, is_task

_SAID = ("fail", "warn")


def run(given: Audit) -> int:
    """Carry the probes out, write the page, and print the table and what did not pass."""
    if not given.reward:
        raise SpecError("say which reward: vlmrm audit SPEC --task TASK, or vlmrm audit TASK for a task's own.")
    reads = (given.reward, given.source, given.task, given.labels or "", *given.success, *given.failure)
    require_page_file(given.out, force=given.force, reads=reads)
    reward = PlacedSpec(spec=named_spec(given.reward), device=given.device)
    progress = frame_progress("carried out", what="probes")
    found = audit(reward, _source(given), probes=given.probes or BUILT_IN, seed=given.seed, progress=progress)
    found.save(given.out)
    print(found.table())
    print(f"\n{found.headline}")
    for verdict in _SAID:
        for one in found.answered:
            if one.finding.verdict == verdict:
                print(f"- {verdict}: {one.probe.name}: {one.finding.says}")
    for remark in found.remarks:
        print(f"note: {remark}")
    print(f"wrote {given.out} and {given.out.with_suffix('.json')}")
    return 0


def _source(given: Audit) -> FrameSource:
    """The labelled frames that the options name; exactly one kind of them."""
    if given.source or given.success or given.failure:
        if given.task:
            raise SpecError("--task draws labelled states; other labelled frames have no effect beside it.")
        found = source_of_files(given)
        if found is None:
            raise no_labels(given.source)
        if given.frames != Audit.frames:
            raise SpecError("--frames is a number of states to draw of a task; all labelled frames of files are taken.")
        return found
    require_source(given)
    return frames_of_task(_task(given), given.frames, seed=given.seed)


def _task(given: Audit) -> Task:
    if given.task or is_task(given.reward):
        return find_task(given.task or given.reward)
    raise SpecError(
        f"say on which frames {given.reward} is to be audited: --task, FRAMES with --labels, or --success and "
        "--failure."
    )
