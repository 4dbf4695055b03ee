"""The file of a page that a command writes, and its numbers beside it."""

from collections.abc import Iterable
from pathlib import Path

from vlmrm.errors import SpecError


def require_page_file(out: Path, *, force: bool, reads: Iterable[str | Path]) -> None:
    """Refuse a page that is none, or that would take the place of something.

    Args:
        out: The page. Its numbers go beside it, under the same name with ``.json``.
        force: Whether it may take the place of an older page and its numbers.
        reads: Files that the command reads, which it may write over never.

    Raises:
        SpecError: The name does not end in .html, or a file is there that would be lost.
    """
    if out.suffix != ".html":
        raise SpecError(f"what is written is a page, a file whose name ends in .html; got --out {out}.")
    written = (out, out.with_suffix(".json"))
    for path in written:
        if any(path.resolve() == Path(one).resolve() for one in reads if str(one)):
            raise SpecError(
                f"{path} is read, and would be written over: {out} has its numbers there. Give another --out."
            )
    for path in written:
        if path.exists() and not force:
            beside = "" if path == out else f", where the numbers of {out} go"
            raise SpecError(f"{path} is there already{beside}. Give another --out, or --force to write over it.")
