"""The committed pages about training runs mark just those results that are not up to date."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "experiments"))

import classic_control
import humanoid_kneel
import mujoco_small
from training_runs import MARK_SAYS, mark

PAGES = {
    "classic_control": classic_control.all_runs,
    "humanoid_kneel_small": lambda: humanoid_kneel.all_runs(humanoid_kneel.Args(small=True)),
    "mujoco_small": mujoco_small.all_runs,
}


@pytest.mark.parametrize("page", PAGES)
def test_a_committed_page_is_marked_where_its_results_are_of_earlier_weights_or_settings(page):
    """After a change of a task that leaves its runs as they are, their digests have to be written anew."""
    results = Path(mujoco_small.__file__).parent / "results"
    stale = [run.name for run in PAGES[page]() if mark(run)]
    text = (results / f"{page}.md").read_text()
    assert (MARK_SAYS in text) == bool(stale), stale
    assert text.count("†") == (len(stale) + 1 if stale else 0), (
        stale
    )  # one in each row, and one that says what it means
