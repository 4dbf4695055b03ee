import io

from vlmrm.training.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    """Ticks when it is told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_a_log_gets_a_line_now_and_then():
    out, clock = io.StringIO(), Clock()
    progress = Progress(out, clock=clock)
    progress.begin(total_steps=1000, from_step=0)
    for step in range(0, 400, 10):
        clock.now += 1.0
        progress.update(step, {"reward": f"reward {step / 1000:.2f}"})
    lines = out.getvalue().splitlines()
    assert lines == [
        "140/1,000 steps  9 steps/s  reward 0.14  1:32 min left",
        "290/1,000 steps  10 steps/s  reward 0.29  1:13 min left",
    ]


def test_a_terminal_has_one_line_that_changes_and_notes_stay():
    out, clock = Terminal(), Clock()
    progress = Progress(out, clock=clock)
    progress.begin(total_steps=100_000, from_step=50_000)
    clock.now += 10
    progress.update(51_000)
    progress.update(51_001)  # too soon to be seen
    progress.note("a note")
    progress.end()
    line = "51,000/100,000 steps  100 steps/s  8:10 min left"
    assert out.getvalue() == f"\r{line}\r{' ' * len(line)}\ra note\n"


def test_long_lines_are_cut_to_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    out, clock = Terminal(), Clock()
    progress = Progress(out, clock=clock)
    progress.begin(total_steps=1000, from_step=0)
    clock.now += 1
    progress.update(500, {"reward": "reward 0.123456"})
    assert out.getvalue() == "\r" + "500/1,000 steps  500 steps/s  reward 0.123456"[:19]


def test_facts_keep_their_order_and_stay_until_there_are_new_ones():
    out, clock = io.StringIO(), Clock()
    progress = Progress(out, clock=clock)
    progress.begin(total_steps=1000, from_step=0)
    progress.update(0, {"reward": "", "success": "success 0%"})
    clock.now += 20
    progress.update(100, {"reward": "reward 0.5", "success": ""})
    assert "  reward 0.5  success 0%  " in out.getvalue()


def test_hours_are_shown_as_hours():
    out, clock = io.StringIO(), Clock()
    progress = Progress(out, clock=clock)
    progress.begin(total_steps=10_000, from_step=0)
    clock.now += 3600
    progress.update(4_000)
    assert out.getvalue().strip().endswith("1 h 30 min left")


def test_without_a_stream_nothing_happens():
    progress = Progress()
    progress.begin(total_steps=10, from_step=0)
    progress.update(5)
    progress.note("unseen")
    progress.end()


def test_a_stream_that_breaks_is_left_alone():
    class Closed:
        written = 0

        def write(self, text):
            self.written += 1
            raise BrokenPipeError

        def flush(self):
            pass

        def isatty(self):
            return False

    closed = Closed()
    progress = Progress(closed)
    for _ in range(3):
        progress.note("still training")
    assert closed.written == 1
