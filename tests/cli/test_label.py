"""`vlmrm label`: the command around the page."""

import re
import subprocess
import sys
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

from tests.cli.refusals import refused


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for shade in range(4):
        Image.fromarray(np.full((8, 8, 3), 60 * shade, np.uint8)).save(folder / f"{shade}.png")
    return folder


def test_the_page_is_served_until_it_is_ended_and_the_outcome_is_printed(pictures):
    (pictures / "labels.csv").write_text("frame,in_goal,rater\n0.png,1,ben\n")
    words = [sys.executable, "-m", "vlmrm", "label", str(pictures), "--no-browser", "--rater", "anna"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = re.search(r"http://127\.0\.0\.1:\S+", process.stdout.readline())[0]
            with urlopen(address, timeout=20) as page:
                assert b"Does this frame show the goal?" in page.read()
            process.terminate()
            said, _ = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "0 of 4 labelled" in said
    assert (pictures / "labels.csv").read_text() == "frame,in_goal,rater\n0.png,1,ben\n"


def test_a_system_without_file_locks_is_named(monkeypatch, pictures, capsys):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    for name in [name for name in sys.modules if name.startswith(("vlmrm.labelling", "vlmrm.cli.label"))]:
        monkeypatch.delitem(sys.modules, name)
    assert "needs the file locks of Linux and macOS" in refused(capsys, "label", pictures)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give frames to label"),
        (["FRAMES", "--in-order", "--reward", "cartpole/upright"], "give one of them"),
        (["FRAMES", "--reward", "cartpole/uprigh"], "Near: cartpole/upright"),
        (["none"], "there is no file or folder none"),
    ],
)
def test_what_cannot_be_labelled_is_refused(pictures, capsys, words, said):
    assert said in refused(capsys, "label", *(pictures if word == "FRAMES" else word for word in words))
