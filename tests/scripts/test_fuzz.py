"""Damaged specs, tasks and files are read or refused; scripts/fuzz tries 10,000 of them."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent.parent / "scripts" / "fuzz"


def test_500_damaged_inputs_are_read_or_refused_by_what_is_wrong_with_them():
    """In a process of its own, where nothing but the library checks types."""
    done = subprocess.run([sys.executable, str(SCRIPT), "--cases", "500"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["specs", "tasks", "files"]
