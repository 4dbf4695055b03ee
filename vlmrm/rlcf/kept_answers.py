"""Answers on disk, one line for each picture, so that what was interrupted goes on where it was.

The first line of a file holds the protocol under which it was made. A file of another protocol is refused, not mixed.
A last line that a crash has cut off is left out.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vlmrm.errors import RunError


class KeptAnswers:
    """Answers of one method, in the files of one or several processes.

    Args:
        folder: Where they lie.
        method: Name of the method.
        protocol: All that decides the answers.
        record: Frozen class of one answer, of plain values.

    Raises:
        RunError: There are answers of another protocol, or a file is damaged.
    """

    def __init__(self, folder: Path, method: str, protocol: Mapping[str, Any], record: type[Any]) -> None:
        self._folder, self._method, self._record = folder, method, record
        self._protocol = json.loads(json.dumps(protocol))

    def read(self) -> dict[int, Any]:
        """Return what there is, by the place of the picture."""
        found: dict[int, Any] = {}
        for path in sorted(self._folder.glob(f"{self._method}.*.jsonl")):
            text = path.read_text(encoding="utf-8")
            lines = text[: text.rfind("\n") + 1].splitlines()
            if lines:
                found |= self._of(path, lines)
        return found

    def _of(self, path: Path, lines: list[str]) -> dict[int, Any]:
        try:
            said, rows = json.loads(lines[0]), [json.loads(line) for line in lines[1:]]
            answers = {row.pop("place"): self._record(**_plain(row)) for row in rows}
        except (ValueError, TypeError, KeyError) as error:
            raise RunError(f"{path} is damaged: {type(error).__name__}: {error}. Delete it.") from error
        if said != self._protocol:
            other = [key for key in {**said, **self._protocol} if said.get(key) != self._protocol.get(key)]
            raise RunError(
                f"{path} was made with other settings: {', '.join(sorted(other))}. Give another folder, or delete it."
            )
        return answers

    def count(self) -> int:
        """Return how many answers there are, without reading them."""
        files = self._folder.glob(f"{self._method}.*.jsonl")
        return sum(max(path.read_bytes().count(b"\n") - 1, 0) for path in files)

    def forget(self) -> None:
        """Delete what there is."""
        for path in self._folder.glob(f"{self._method}.*.jsonl"):
            path.unlink()

    def writer(self, part: int) -> "Writer":
        """Return what adds answers to the file of one process."""
        return Writer(self._folder / f"{self._method}.{part}.jsonl", self._protocol)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(said) if isinstance(said, list) else said for name, said in row.items()}


class Writer:
    """Adds answers to one file; as a context it closes it.

    Args:
        path: The file, which is begun where it is not there.
        protocol: All that decides the answers.
    """

    def __init__(self, path: Path, protocol: Mapping[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            path.write_text(whole, encoding="utf-8")  # the line that was cut off is computed again
        self._file = path.open("a", encoding="utf-8")
        if not whole:
            self._line(dict(protocol))

    def add(self, place: int, result: Any) -> None:
        """Append the answer to the picture at a place."""
        self._line({"place": place, **asdict(result)})

    def _line(self, values: dict[str, Any]) -> None:
        self._file.write(json.dumps(values) + "\n")
        self._file.flush()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
