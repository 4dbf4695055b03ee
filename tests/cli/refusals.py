"""What the command says when it refuses."""

from vlmrm.cli import main


def refused(capsys, *arguments):
    """The one line on stderr."""
    assert main(list(map(str, arguments))) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    lines = [line for line in captured.err.splitlines() if line.startswith("vlmrm: error: ")]
    assert len(lines) == 1
    return lines[0]
