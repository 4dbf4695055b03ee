"""Whether a page was measured with the models that are shipped today, and the line that says so where it was not.

    python experiments/shipped.py      # puts the line on every page that needs it, and takes it off the others

Numbers that depend on an encoder are kept beside its fingerprint, and models are trained anew now and then.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from vlmrm.atomic import whole_file
from vlmrm.encoders import load_encoder
from vlmrm.encoders.cards import WEIGHTS_FILE, builtin_folder

RESULTS = Path(__file__).parent / "results"
_SAYS = "Measured with other weights of {} than today's; not yet anew."


@cache
def fingerprint(encoder: str) -> str:
    """Of a built-in encoder or one in a ``local-dir:``; empty for another, which may not be on this machine."""
    folder = builtin_folder(encoder) or Path(encoder.removeprefix("local-dir:"))
    return load_encoder(encoder, device="cpu").fingerprint if (folder / WEIGHTS_FILE).is_file() else ""


def stale_note(measured: Mapping[str, str | None]) -> list[str]:
    """The line for the top of a page, or nothing.

    Args:
        measured: Fingerprints of the page's encoders by name; those that are not shipped cannot be compared.
    """
    others = [name for name, then in measured.items() if builtin_folder(name) and then != fingerprint(name)]
    return [_SAYS.format(", ".join(f"`{name}`" for name in others)), ""] if others else []


def fingerprints_in(numbers: Mapping[str, Any]) -> dict[str, str | None]:
    """Of the encoders of a page's numbers, by name."""
    models = numbers.get("models") or {numbers["encoder"]: numbers}
    return {name: model.get("fingerprint") for name, model in models.items()}


def mark_page(page: Path, numbers: Mapping[str, Any]) -> None:
    """Bring the line of a page up to date; it stands below the title.

    Args:
        page: A file of Markdown that begins with a title and an empty line.
        numbers: Those of the page.
    """
    title, empty, *rest = page.read_text().splitlines()
    begins, ends = _SAYS.split("{}")
    if rest[0].startswith(begins) and rest[0].endswith(ends):
        rest = rest[2:]
    with whole_file(page) as file:
        file.write_text("\n".join([title, empty, *stale_note(fingerprints_in(numbers)), *rest]) + "\n")


if __name__ == "__main__":
    for name in ("humanoid_lean", "humanoid_rewards"):  # the other pages are written by their scripts without measuring
        mark_page(RESULTS / f"{name}.md", json.loads((RESULTS / f"{name}.json").read_text()))
