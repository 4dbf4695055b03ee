"""``vlmrm improve``: a reward that is corrected by labels while an agent trains on it."""

import sys

from vlmrm.cli.improve_arguments import Improve
from vlmrm.cli.table import format_table
from vlmrm.improving import improve
from vlmrm.training.progress import Progress
from vlmrm.training.runner import TrainingStopped


def run(given: Improve) -> int:
    """Carry the rounds out, and print what came of them, or what a person has to do first."""
    try:
        found = improve(given.config, given.improving, progress=Progress(sys.stderr))
    except TrainingStopped as stopped:
        print(f"vlmrm: {stopped}, or with the same `vlmrm improve` again.", file=sys.stderr)
        return 130
    if found.waiting:
        print(found.waiting)
        return 0
    print(f"\n{found.task}, {found.labelled_by}\n\n{format_table(*found.rows())}\n\n{found.headline}")
    print(f"wrote {found.folder / 'improve.html'} and {found.folder / 'improve.json'}")
    return 0
