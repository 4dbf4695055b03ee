import signal

import pytest

from tests.training.toy_runs import Lamp


@pytest.fixture(autouse=True)
def interruptible():
    """Ctrl-C as in a terminal: a shell script's background jobs, these tests among them, inherit that it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def crash_at(monkeypatch):
    """Make the lamp break, or do something else, at its n-th step of training."""

    def arrange(step, action):
        count = 0
        original = Lamp.step

        def counted(self, button):
            nonlocal count
            if self.render_mode is not None:  # evaluation is blind here
                count += 1
                if count == step:
                    action()
            return original(self, button)

        monkeypatch.setattr(Lamp, "step", counted)

    return arrange
