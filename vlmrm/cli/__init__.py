"""The command line: ``vlmrm train``, ``score``, ``tasks`` and ``models``."""

from vlmrm.cli.main import main

__all__ = ["main"]
