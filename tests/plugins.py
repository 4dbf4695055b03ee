"""Packages that are installed for the length of a test, with entries of their own."""

import sys
from collections.abc import Mapping
from pathlib import Path

from vlmrm import tables


class Plugins:
    """A folder of packages that offer entries, each with its own metadata, as pip installs them.

    Args:
        folder: Empty folder that is on the path of modules.
        group: Group of their entry points.
    """

    def __init__(self, folder: Path, group: str) -> None:
        self.folder, self.group = folder, group
        self._made: list[str] = []

    def __enter__(self) -> "Plugins":
        tables._entry_points.cache_clear()  # what a group offers is looked up once
        return self

    def __exit__(self, *error: object) -> None:
        tables._entry_points.cache_clear()
        for package in self._made:
            sys.modules.pop(package, None)

    def add(self, package: str, entries: Mapping[str, str], code: str) -> None:
        """Install a package of one module.

        Args:
            package: Name of package and module.
            entries: Places by the names that they are offered under.
            code: Text of the module.
        """
        (self.folder / f"{package}.py").write_text(code)
        info = self.folder / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "".join(f"{name} = {place}\n" for name, place in entries.items())
        (info / "entry_points.txt").write_text(f"[{self.group}]\n{lines}")
        self._made.append(package)
