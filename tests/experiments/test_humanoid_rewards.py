"""The page of pose rewards says whether the paper's order was found, and not that it was."""

import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "experiments"))

import humanoid_rewards
import humanoid_rewards_report
import pytest
import vlmrm_envs as envs
from shipped import fingerprint, fingerprints_in, mark_page, stale_note

from vlmrm.encoders.cards import builtin_folder
from vlmrm.rendering import Camera


def test_frames_are_drawn_anew_after_a_change_of_what_draws_them(tmp_path, monkeypatch):
    """They were once kept across a change of poses, with the labels of before."""
    folders = {
        humanoid_rewards.frames_folder(tmp_path, size_px, count) for size_px in (64, 128) for count in (100, 200)
    }
    assert len(folders) == 4
    assert humanoid_rewards.frames_folder(tmp_path, 64, 100) in folders
    elsewhere = Camera(lookat_m=(0, 0, 1), distance_m=3.5, azimuth_deg=90, elevation_deg=-10)
    monkeypatch.setitem(humanoid_rewards.LOOKS_AND_CAMERAS, "plain, paper camera", ("plain", elsewhere))
    assert humanoid_rewards.frames_folder(tmp_path, 64, 100) not in folders
    monkeypatch.undo()
    code = shutil.copytree(Path(envs.__file__).parent, tmp_path / "envs", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(envs, "__file__", str(code / "__init__.py"))
    assert humanoid_rewards.frames_folder(tmp_path, 64, 100) in folders
    with (code / "humanoid_put.py").open("a") as file:
        file.write("# another way to put it\n")
    assert humanoid_rewards.frames_folder(tmp_path, 64, 100) not in folders


def test_an_order_of_sizes_that_is_not_the_papers_is_called_so():
    alphas = [0.0, 0.5, 1.0]

    def model(parameters, epic):
        task = [{"alpha": alpha, "epic": {"value": epic + alpha / 10}} for alpha in alphas]
        return {"vision_parameters": parameters, "tasks": {"kneeling": {humanoid_rewards_report.HELD_OUT: task}}}

    small, large = model(1, 0.4), model(2, 0.3)
    found = humanoid_rewards_report.size_verdict({"small": small, "large": large}, alphas)
    assert "at 3 of 3 alphas, as in the paper." in found
    found = humanoid_rewards_report.size_verdict({"small": model(2, 0.4), "large": model(1, 0.3)}, alphas)
    assert "at 0 of 3 alphas, unlike in the paper" in found


@pytest.mark.parametrize("page", ["humanoid_rewards", "humanoid_lean"])
def test_the_committed_numbers_are_of_the_models_that_are_shipped(page):
    """Weights that are trained anew make every number of a page one of other models."""
    results = Path(humanoid_rewards_report.__file__).parent / "results"
    numbers = json.loads((results / f"{page}.json").read_text())
    shipped = {name: then for name, then in fingerprints_in(numbers).items() if builtin_folder(name)}
    assert "sim-m" in shipped
    assert shipped == {name: fingerprint(name) for name in shipped}


def test_a_page_of_other_weights_than_todays_says_so_once_and_a_page_of_todays_does_not(tmp_path):
    page, said = tmp_path / "page.md", "Measured with other weights of `sim-m` than today's; not yet anew."
    as_written = "# Title\n\nFirst line.\nSecond line.\n"
    page.write_text(as_written)
    for _ in range(2):
        mark_page(page, {"encoder": "sim-m", "fingerprint": "of before"})
        assert page.read_text() == f"# Title\n\n{said}\n\nFirst line.\nSecond line.\n"
    mark_page(page, {"encoder": "sim-m", "fingerprint": fingerprint("sim-m")})
    assert page.read_text() == as_written


def test_only_shipped_models_are_compared_and_all_others_are_named_together():
    today = {name: fingerprint(name) for name in ("sim-xs", "sim-m")}
    assert stale_note(today | {"sim-s-all": None}) == []
    assert stale_note({"sim-xs": None, "sim-m": "of before"})[0].startswith(
        "Measured with other weights of `sim-xs`, `sim-m`"
    )
    assert fingerprint("random:sim-m") == fingerprint("local-dir:nowhere") == ""
