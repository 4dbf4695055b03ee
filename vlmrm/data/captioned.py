"""Pictures with captions on disk: a table, or the JSON files of COCO, NoCaps and Flickr30k."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vlmrm.data.classified import PictureFiles
from vlmrm.data.named import named
from vlmrm.errors import FrameError
from vlmrm.plain_files import read_json

_COLUMNS = ("frame", "caption")


@dataclass(frozen=True, eq=False)
class CaptionedPictures:
    """Pictures and captions, and which belong together; several captions of a picture, or pictures of a caption."""

    pictures: PictureFiles
    """Pictures, read when they are asked for."""
    captions: tuple[str, ...]
    """Captions, each once."""
    captions_of: tuple[tuple[int, ...], ...]
    """Indices of the captions of each picture."""
    pictures_of: tuple[tuple[int, ...], ...]
    """Indices of the pictures of each caption."""

    @classmethod
    def read(cls, folder: str | Path, table: str | Path, *, split: str = "") -> "CaptionedPictures":
        """Return the pictures of a folder that have captions.

        Args:
            folder: Folder of the pictures.
            table: CSV file with the columns ``frame`` and ``caption``, one row for each caption; or a JSON file in the
                form of COCO and NoCaps (``images`` and ``annotations``) or of Karpathy's splits of COCO and Flickr30k.
            split: Of Karpathy's splits, the one that is read, such as ``test``. Empty: all.

        Raises:
            FrameError: There is no such folder, table or picture, a caption is empty, or a file has another form.
        """
        folder, table = Path(folder), Path(table)
        if not folder.is_dir():
            raise FrameError(f"{folder} is no folder. Give the one with the pictures.")
        rows = list(_rows(table, split))
        if not rows:
            raise FrameError(f"{table} has no captions{f' of the split {split!r}' if split else ''}.")
        names = list(dict.fromkeys(name for name, _ in rows))
        missing = [name for name in names if not (folder / name).is_file()]
        if missing:
            raise FrameError(f"{named(missing)} of {table} are not in {folder}.")
        captions = list(dict.fromkeys(caption for _, caption in rows))
        picture, text = ({one: place for place, one in enumerate(several)} for several in (names, captions))
        pairs = list(dict.fromkeys((picture[name], text[caption]) for name, caption in rows))
        return cls(
            pictures=PictureFiles(tuple(folder / name for name in names)),
            captions=tuple(captions),
            captions_of=_grouped(pairs, len(names)),
            pictures_of=_grouped([(second, first) for first, second in pairs], len(captions)),
        )


def _grouped(pairs: Sequence[tuple[int, int]], count: int) -> tuple[tuple[int, ...], ...]:
    found: list[list[int]] = [[] for _ in range(count)]
    for one, other in pairs:
        found[one].append(other)
    return tuple(map(tuple, found))


def _rows(table: Path, split: str) -> Iterator[tuple[str, str]]:
    """Name of a picture and one caption of it."""
    read = _from_json if table.suffix == ".json" else _from_csv
    for place, (name, caption) in enumerate(read(table, split)):
        words = " ".join(caption.split())
        if not words:
            raise FrameError(f"{table}: caption {place} of {name!r} is empty. Leave the row out.")
        yield name, words


def _from_csv(table: Path, split: str) -> Iterator[tuple[str, str]]:
    if split:
        raise FrameError(f"{table} has no splits: they are those of Karpathy's JSON files. Leave the split out.")
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames is None or not set(_COLUMNS) <= set(reader.fieldnames):
                raise FrameError(f"{table} needs the columns frame and caption; it has {reader.fieldnames}.")
            yield from ((row["frame"], row["caption"] or "") for row in reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FrameError(f"{table} is no table: {error}.") from error


def _from_json(table: Path, split: str) -> Iterator[tuple[str, str]]:
    try:
        said = read_json(table)
        if "annotations" in said:
            if split:
                raise FrameError(f"{table} has no splits: they are those of Karpathy's JSON files. Leave it out.")
            yield from _from_coco(said)
        else:
            yield from _from_karpathy(said, split)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FrameError(
            f"{table} is no file of captions in the form of COCO, NoCaps or Karpathy's splits: "
            f"{type(error).__name__}: {error}."
        ) from error


def _from_coco(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    names = {image["id"]: image["file_name"] for image in said["images"]}
    yield from ((names[one["image_id"]], one["caption"]) for one in said["annotations"])


def _from_karpathy(said: Mapping[str, Any], split: str) -> Iterator[tuple[str, str]]:
    for image in said["images"]:
        if split in ("", image["split"]):
            name = str(Path(image.get("filepath", "")) / image["filename"])
            yield from ((name, sentence["raw"]) for sentence in image["sentences"])
