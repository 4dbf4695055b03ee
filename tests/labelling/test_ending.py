"""Done, Ctrl-C, a closed terminal and a kill: whatever ends the page, every answer is in the file."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from tests.labelling.pages import ask, said, serve


def test_done_ends_it_and_takes_no_more(frames, labels_csv):
    with serve([frames], labels_csv) as page:
        page.answer(0, True)
        text, summary = page.done()
        assert summary.tally.labelled == 1
        assert text.startswith("1 of 6 labelled")
        with pytest.raises(OSError, match=r"."):
            page.state()


SCRIPT = """
import sys
from vlmrm.labelling import LabelOptions, label
told = lambda message: print(message, flush=True)
print(label([sys.argv[1]], sys.argv[2], LabelOptions(open_browser=False, in_order=True), tell=told), flush=True)
"""


@pytest.fixture
def process(frames, labels_csv, tmp_path):
    """A process of its own that labels; the address of its page, and the folder for its pictures."""
    pictures = tmp_path / "temporary"
    pictures.mkdir()
    command = [sys.executable, "-c", SCRIPT, str(frames), str(labels_csv)]
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # jobs in the background inherit that it is ignored
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(pictures)}
    ) as started:
        started.pictures = pictures
        watchdog = threading.Timer(60, started.kill)
        watchdog.start()
        started.url = next(word for word in started.stdout.readline().split() if word.startswith("http"))
        yield started
        watchdog.cancel()
        started.kill()
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_and_a_closed_terminal_end_it_with_the_summary(process, labels_csv, how):
    assert ask(process.url + "answer", {"frame": 0, "in_goal": True}).status == 200
    assert len(list(process.pictures.iterdir())) == 1
    process.send_signal(how)
    assert process.stdout.read() == f"1 of 6 labelled, 1 goal / 0 not, in {labels_csv}.\n"
    assert process.wait(timeout=10) == 0
    assert list(process.pictures.iterdir()) == []


def test_a_kill_loses_nothing(process, labels_csv):
    ask(process.url + "answer", {"frame": 0, "in_goal": True})
    ask(process.url + "answer", {"frame": 1, "in_goal": False})
    process.kill()
    process.wait(timeout=10)
    assert said(labels_csv) == {"0.png": True, "1.png": False}
