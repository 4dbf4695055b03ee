"""What captions on the command line are judged by: references, and whatever knows the facts of pictures."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from vlmrm.data.caption_judge import CaptionJudge
from vlmrm.data.captioned import CaptionedPictures
from vlmrm.data.classified import PictureFiles
from vlmrm.errors import SpecError


def references_of(folder: str, table: Path, *, split: str = "") -> tuple[PictureFiles, list[list[str]]]:
    """Return the pictures that have captions, and the captions of each.

    Args:
        folder: Folder of the pictures.
        table: As `CaptionedPictures.read` takes it.
        split: Which of Karpathy's splits; empty: all.

    Raises:
        FrameError: Something is missing, or has another form.
    """
    read = CaptionedPictures.read(folder, table, split=split)
    return read.pictures, [[read.captions[one] for one in several] for several in read.captions_of]


def read_judge(named: str, truths: Path | None, names: Sequence[str]) -> CaptionJudge | None:
    """Return a judge by its name; None where none is named.

    Args:
        named: ``module:Class``, whose method ``read`` makes one from a file and the names of pictures.
        truths: The file.
        names: Names of the pictures, in order.

    Raises:
        SpecError: There is no such class, or only one of both is given.
    """
    if not named:
        if truths is not None:
            raise SpecError("--truths is what a --judge reads. Name one, as vlmrm_envs.table_judge:TableJudge.")
        return None
    module, _, name = named.partition(":")
    if truths is None or not name:
        raise SpecError("a judge is MODULE:CLASS, and reads the facts of the pictures from --truths FILE.")
    try:
        judge: CaptionJudge = getattr(import_module(module), name).read(truths, names)
    except (ImportError, AttributeError) as error:
        raise SpecError(f"no judge {named!r}: {error}.") from error
    return judge
