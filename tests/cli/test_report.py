"""`vlmrm report` on a task, on files with labels, and on scores that something else gave."""

import json

import numpy as np
import pytest
import vlmrm_envs as envs
from PIL import Image

from tests.cli.refusals import refused
from vlmrm.cli import main
from vlmrm.report.scorers import NONSENSE

# imageio-ffmpeg does not close the pipes of the ffmpeg process it reads from
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A folder of pictures of a pole, with a table of labels beside it."""
    folder = tmp_path_factory.mktemp("labelled")
    drawn = envs.labelled_frames("cartpole/upright", 40, seed=1, size_px=96)
    rows = ["frame,in_goal,angle_deg"]
    for kind in ("up", "down"):
        (folder / "frames" / kind).mkdir(parents=True)
    for i, (frame, inside) in enumerate(zip(drawn.frames.numpy(), drawn.in_goal, strict=True)):
        name = f"{'up' if inside else 'down'}/{i}.png"
        Image.fromarray(frame).save(folder / "frames" / name)
        rows.append(f"{name},{int(inside)},{drawn.states['angle_deg'][i]:.3f}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder


def test_a_task_is_judged_on_its_own_states(tmp_path, capsys):
    out = tmp_path / "page.html"
    assert main(["report", "pendulum/upright", "--frames", "60", "--alphas", "0", "0.5", "--out", str(out)]) == 0
    numbers = json.loads(out.with_suffix(".json").read_text())
    printed = capsys.readouterr().out
    assert [one["name"] for one in numbers["rewards"]] == sorted(
        ["sim-s, alpha 0", "sim-s, alpha 0.5"], key=lambda name: printed.index(name)
    )
    assert numbers["frames"] == 60
    assert numbers["headline"] in printed
    assert f"wrote {out} and {out.with_suffix('.json')}" in printed


def test_a_folder_with_labels_is_judged_and_its_states_are_drawn(labelled, tmp_path, capsys):
    out = tmp_path / "page.html"
    words = ["--labels", str(labelled / "labels.csv"), "--rewards", "cartpole/upright", "--out", str(out)]
    assert main(["report", str(labelled / "frames"), *words]) == 0
    page, numbers = out.read_text(), json.loads(out.with_suffix(".json").read_text())
    assert numbers["frames"] == 40
    assert "angle_deg" in page  # the reward over a column of the table
    assert numbers["rewards"][0]["measures"]["auroc"]["value"] == 1.0


def test_a_device_that_there_is_not_is_refused(labelled, tmp_path, capsys):
    folders = ["--success", str(labelled / "frames" / "up"), "--failure", str(labelled / "frames" / "down")]
    words = ["report", *folders, "--goal", "a pole", "--device", "nowhere", "--out", str(tmp_path / "page.html")]
    assert "nowhere" in refused(capsys, *words)


def test_two_folders_are_labels_as_well(labelled, tmp_path):
    out = tmp_path / "page.html"
    folders = ["--success", str(labelled / "frames" / "up"), "--failure", str(labelled / "frames" / "down")]
    assert main(["report", *folders, "--goal", "a pole held upright", "--out", str(out)]) == 0
    assert json.loads(out.with_suffix(".json").read_text())["in_goal"] == len(
        list((labelled / "frames" / "up").iterdir())
    )


def test_scores_of_another_library_are_judged_by_the_same_page(labelled, tmp_path):
    table = [row.split(",") for row in (labelled / "labels.csv").read_text().splitlines()[1:]]
    scores = tmp_path / "theirs.csv"
    scores.write_text("frame,score\n" + "\n".join(f"{name},{-abs(float(angle))}" for name, _, angle in table))
    out = tmp_path / "page.html"
    words = ["--labels", str(labelled / "labels.csv"), "--scores", str(scores), "--out", str(out)]
    assert main(["report", str(labelled / "frames"), *words]) == 0
    (theirs,) = json.loads(out.with_suffix(".json").read_text())["rewards"]
    assert theirs["name"] == "theirs"
    assert theirs["measures"]["auroc"]["value"] == 1.0
    assert theirs["measures"]["correlations"]["angle_deg"] is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["FRAMES"], "nothing says which frames of"),
        ([], "give labelled frames"),
        (["cartpole/uprigh"], "Near: cartpole/upright"),
        (["FRAMES", "--labels", "LABELS"], "give a reward to judge"),
        (
            ["FRAMES", "--labels", "LABELS", "--goal-at", "1-2", "--rewards", "cartpole/upright"],
            "--goal-at has no effect",
        ),
        (["FRAMES", "--success", "FRAMES", "--rewards", "cartpole/upright"], "SOURCE has no effect"),
        (["cartpole/upright", "--out", "page.pdf"], "whose name ends in .html"),
        (["cartpole/upright", "--frames", "0"], "at least 1 frame"),
        (["cartpole/upright", "--budget", "1.5"], "0 to below 1; got 1.5"),
        (["cartpole/upright", "--alphas", "2"], "alpha must lie in 0 to 1"),
        (["cartpole/upright", "--concept-sentences", "a.txt"], "which --concepts looks for"),
        (["cartpole/upright", "--concepts", "--concept-sentences", "none.txt"], "none.txt cannot be read"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_words(labelled, tmp_path, capsys, words, said):
    places = {"FRAMES": labelled / "frames", "LABELS": labelled / "labels.csv"}
    out = [] if "--out" in words else ["--out", tmp_path / "page.html"]
    assert said in refused(capsys, "report", *(places.get(word, word) for word in words), *out)
    assert not (tmp_path / "page.html").exists()


def test_a_task_of_ones_own_is_judged_on_episodes_of_a_random_policy(tmp_path):
    task = tmp_path / "cart.toml"
    reward = 'reward = { alpha = 0.0, prompts = { goal = "a pole held upright" } }'
    success = "success = { where = { angle_deg = [-3, 3] }, within_last = 5, at_least = 5 }"
    lines = ['name = "cart/still"', 'description = "Hardly tilted."', 'env_id = "vlmrm_envs:vlmrm/CartPole-v0"']
    task.write_text("\n".join([*lines, "episode_steps = 20", reward, success]))
    out = tmp_path / "page.html"
    assert main(["report", str(task), "--frames", "80", "--out", str(out)]) == 0
    numbers = json.loads(out.with_suffix(".json").read_text())
    assert numbers["frames"] == 4 * 21  # episodes of 20 steps, and the frame of the reset
    assert numbers["groups"] == 4


def test_a_page_that_is_there_is_not_written_over(tmp_path, capsys):
    page = tmp_path / "page.html"
    page.write_text("mine")
    assert "is there already" in refused(capsys, "report", "cartpole/upright", "--out", page)
    assert page.read_text() == "mine"


def test_labels_that_name_no_file_are_named(labelled, tmp_path, capsys):
    table = tmp_path / "labels.csv"
    table.write_text("frame,in_goal\nup/none.png,1\n")
    said = refused(
        capsys,
        "report",
        labelled / "frames",
        "--labels",
        table,
        "--rewards",
        "cartpole/upright",
        "--out",
        tmp_path / "a.html",
    )
    assert "up/none.png" in said


def test_labels_of_nan_are_refused_with_their_line(labelled, tmp_path, capsys):
    table = tmp_path / "labels.csv"
    name = np.array((labelled / "labels.csv").read_text().splitlines())[1].split(",")[0]
    table.write_text(f"frame,in_goal\n{name},nan\n")
    said = refused(
        capsys,
        "report",
        labelled / "frames",
        "--labels",
        table,
        "--rewards",
        "cartpole/upright",
        "--out",
        tmp_path / "a.html",
    )
    assert "line 2" in said


def test_an_audit_and_the_concepts_of_the_best_reward_are_sections_where_they_are_asked_for(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("vlmrm.report.audit.played._STEPS", 1)
    monkeypatch.setattr("vlmrm.report.audit.climbed._LEAST", 12)  # states of a climb; the probe has tests of its own
    monkeypatch.setattr("vlmrm.report.audit.climbed._PER_VARIABLE", 6)
    monkeypatch.setattr("vlmrm.report.concepts.autoencoder.FRAMES_A_LATENT", 2)
    out, sentences = tmp_path / "page.html", tmp_path / "sentences.txt"
    sentences.write_text("a pole held upright\na pole that hangs down\n")
    words = ["--models", "sim-xs", "--frames", "80", "--audit", "--concepts"]
    words += ["--concept-sentences", str(sentences), "--out", str(out)]
    assert main(["report", "cartpole/upright", *words]) == 0
    numbers = json.loads(out.with_suffix(".json").read_text())
    assert numbers["audit"]["task"] == "cartpole/upright"
    assert numbers["audit"]["spec_hash"] == numbers["rewards"][0]["spec_hash"]
    printed = capsys.readouterr().out
    assert f"audit: {numbers['audit']['headline']}" in printed
    assert "What fools sim-xs" in out.read_text()
    assert f"concepts: {numbers['concepts']['headline']}" in printed
    assert "What raises sim-xs" in out.read_text()
    near = {one["text"] for concept in numbers["concepts"]["concepts"] for one in concept["nearest"]}
    assert near <= {"a pole held upright", "a pole that hangs down", *NONSENSE}


def test_concepts_that_cannot_be_found_are_left_out_of_a_page_that_says_why(labelled, tmp_path, capsys):
    out = tmp_path / "page.html"
    folders = ["--success", str(labelled / "frames" / "up"), "--failure", str(labelled / "frames" / "down")]
    assert main(["report", *folders, "--goal", "a pole held upright", "--concepts", "--out", str(out)]) == 0
    assert "note: Concepts are left out: 32 latents need at least 128 frames" in capsys.readouterr().out
    assert "Concepts are left out: 32 latents" in out.read_text()
    assert "concepts" not in json.loads(out.with_suffix(".json").read_text())


@pytest.mark.parametrize("option", ["--audit", "--concepts"])
def test_tables_of_scores_can_be_neither_audited_nor_taken_apart(labelled, tmp_path, capsys, option):
    table = tmp_path / "theirs.csv"
    table.write_text("frame,score\nup/0.png,1.0\n")
    words = ["--labels", labelled / "labels.csv", "--scores", table, option, "--out", tmp_path / "page.html"]
    assert "Name a reward as well" in refused(capsys, "report", labelled / "frames", *words)
