"""The command line: ``vlmrm train``, ``score``, ``tasks`` and ``models``."""

from vlmrm.cli.entry import main

__all__ = ["main"]
