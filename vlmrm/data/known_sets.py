"""Published sets of classified pictures as they lie on disk: ImageNet, CIFAR-10, CIFAR-100 and their variants.

The order of the classes is carried, never assumed: folders are named by their WordNet ids or, in ImageNet-V2, by whole
numbers, which sort otherwise as strings; names are those of `open_clip.zero_shot_metadata`, ids those of timm. Nothing
that is read can run code: CIFAR's first distribution is pickled, and is refused.
"""

import pkgutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from vlmrm.data.classified import ClassifiedPictures, PictureFiles, read_classes
from vlmrm.data.frame_files import picture_files
from vlmrm.data.named import named
from vlmrm.encoders.open_clip.torchvision_mend import import_open_clip
from vlmrm.errors import FrameError, SpecError, near_matches

_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_SIDE = 32  # pixels of a CIFAR picture
_PICKLED = ("data_batch_1", "test_batch", "test", "train", "batches.meta", "meta")
_SEVERITIES = 5
_EACH = {"imagenet": 50, "imagenet-c": 50, "imagenet-v2": 10}  # pictures of each class, where classes do not differ


def read_known_set(folder: str | Path, name: str, *, whole: bool = True) -> ClassifiedPictures:
    """Return the pictures of a published set with their classes.

    Args:
        folder: Where it lies.
        name: One of `KNOWN_SETS`; of those that end in -c with a corruption and a severity, as ``cifar10-c/fog/3``.
        whole: Whether classes of ImageNet, -C and -V2 have to have as many pictures as were published. If not, each
            has to have one.

    Raises:
        SpecError: There is no such set, or no such corruption or severity of it.
        FrameError: The folder is not laid out as that set is, or has not all of its pictures.
    """
    kind, *rest = name.split("/")
    if kind not in KNOWN_SETS:
        raise SpecError(f"unknown data set {name!r}. Near: {near_matches(kind, KNOWN_SETS)}.")
    path = Path(folder)
    if not path.is_dir():
        raise FrameError(f"{path} is no folder. Give the one that {kind} was unpacked to.")
    found = KNOWN_SETS[kind](path, rest)
    if whole and kind in _EACH:
        _require_each(path, found.names, _EACH[kind])
    return found


def wordnet_ids(subset: str = "") -> list[str]:
    """Return the WordNet ids of ImageNet's classes in the order of their indices, by the lists that timm holds.

    Args:
        subset: ``_a`` or ``_r``: the 200 classes of ImageNet-A or -R. Empty: all 1,000.
    """
    import_open_clip()  # timm needs its mend of torchvision, too
    return (pkgutil.get_data("timm.data", f"_info/imagenet{subset}_synsets.txt") or b"").decode().split()


def imagenet_names() -> dict[str, str]:
    """Return the name of each of ImageNet's 1,000 classes by its WordNet id, in the order of their indices.

    open_clip calls two pairs of them by one name each, which nobody could tell apart: of such a pair each has the first
    name that WordNet gives it, as ``missile`` and ``projectile``.

    Example:
        >>> names = imagenet_names()
        >>> len(names), next(iter(names.items()))
        (1000, ('n01440764', 'tench'))
    """
    ids = wordnet_ids()
    from open_clip.zero_shot_metadata import IMAGENET_CLASSNAMES
    from timm.data.imagenet_info import ImageNetInfo

    wordnet, twice = ImageNetInfo(), Counter(IMAGENET_CLASSNAMES)
    return {
        one: name if twice[name] == 1 else wordnet.label_name_to_description(one).split(",")[0]
        for one, name in zip(ids, IMAGENET_CLASSNAMES, strict=True)
    }


def known_templates(name: str) -> tuple[str, ...]:
    """Return open_clip's own templates of ImageNet, with ``{}`` where the class goes.

    Args:
        name: ``openai``, all 80, or ``simple``, the 7 that do nearly as well.

    Raises:
        SpecError: There are none of this name.

    Example:
        >>> known_templates("simple")[0]
        'itap of a {}.'
    """
    import_open_clip()
    from open_clip.zero_shot_metadata import OPENAI_IMAGENET_TEMPLATES, SIMPLE_IMAGENET_TEMPLATES

    known = {"openai": OPENAI_IMAGENET_TEMPLATES, "simple": SIMPLE_IMAGENET_TEMPLATES}
    if name not in known:
        raise SpecError(f"no templates {name!r}. Near: {near_matches(name, known)}; or name a file of them.")
    return tuple(template("{}") for template in known[name])


def _by_word_net(folder: Path, rest: Sequence[str], *, subset: str = "") -> ClassifiedPictures:
    """Folders named by WordNet ids."""
    _require_no_more(rest)
    wanted, names = wordnet_ids(subset), imagenet_names()
    _require_folders(folder, wanted)
    return _of_folders(folder, wanted, [names[wnid] for wnid in wanted])


def _by_number(folder: Path, rest: Sequence[str]) -> ClassifiedPictures:
    """Folders named 0 to 999."""
    _require_no_more(rest)
    wanted = [str(index) for index in range(1000)]
    _require_folders(folder, wanted)
    return _of_folders(folder, wanted, list(imagenet_names().values()))


def _imagenet_c(folder: Path, rest: Sequence[str]) -> ClassifiedPictures:
    """One corruption at one severity: a folder for each corruption, in it one for each severity."""
    there: dict[str, list[str]] = {}
    for inner in sorted(folder.glob(f"*/[1-{_SEVERITIES}]")):
        there.setdefault(inner.parent.name, []).append(inner.name)
    kind, severity = _corruption(folder, rest, there)
    return _by_word_net(folder / kind / str(severity), ())


def _corruption(folder: Path, rest: Sequence[str], there: Mapping[str, Sequence[str]]) -> tuple[str, int]:
    """A corruption and a severity that there are."""
    if len(rest) != 2 or rest[1] not in there.get(rest[0], ()):
        has = "; ".join(f"{kind} at {', '.join(severities)}" for kind, severities in there.items())
        raise SpecError(
            f"behind a set that ends in -c name a corruption and a severity, 1 to {_SEVERITIES}, as cifar10-c/fog/3; "
            f"got {'/'.join(rest)!r}. {folder} has: {has or 'none'}."
        )
    return rest[0], int(rest[1])


def _require_each(folder: Path, names: Sequence[str], each: int) -> None:
    counts = Counter(name.split("/")[0] for name in names)
    wrong = [f"{count} in {inner}" for inner, count in counts.items() if count != each]
    if wrong:
        raise FrameError(
            f"{folder} has to have {each} pictures in each of {len(counts):,} folders; it has {named(wrong)}. Unpack "
            "it again, or say that a part of it will do: --per-class N, or whole=False."
        )


def _require_folders(folder: Path, wanted: Sequence[str]) -> None:
    there = {inner.name for inner in folder.iterdir() if inner.is_dir() and not inner.name.startswith(".")}
    missing, strange = [name for name in wanted if name not in there], sorted(there - set(wanted))
    if missing or strange:
        raise FrameError(
            f"{folder} has to have a folder for each of the {len(wanted)} classes, {wanted[0]} to {wanted[-1]}; "
            f"missing: {named(missing) if missing else 'none'}, others: {named(strange) if strange else 'none'}."
        )


def _of_folders(folder: Path, inner: Sequence[str], names: Sequence[str]) -> ClassifiedPictures:
    """Pictures of one folder for each class, in the order given."""
    files = [picture_files(folder / name) for name in inner]
    empty = [name for name, found in zip(inner, files, strict=True) if not found]
    if empty:
        raise FrameError(f"folders of {folder} have no pictures: {named(empty)}.")
    labels = np.repeat(np.arange(len(inner)), [len(found) for found in files])
    pictures = PictureFiles(tuple(path for found in files for path in found))
    return ClassifiedPictures(pictures, tuple(names), labels, pictures.names)


def _cifar(folder: Path, rest: Sequence[str], *, file: str, names: str, before: int) -> ClassifiedPictures:
    """The test pictures of CIFAR's binary version: labels of one byte, then red, green and blue."""
    _require_no_more(rest)
    path = folder / file
    if not path.is_file():
        if any((folder / one).is_file() for one in _PICKLED):
            raise FrameError(f"{folder} is the pickled version, which would run code. Take the binary version (.bin).")
        raise FrameError(f"{folder} has no {file}. Give the folder of the binary version of CIFAR.")
    classes, row = _class_names(folder / names), before + 3 * _SIDE * _SIDE
    content = np.frombuffer(path.read_bytes(), np.uint8)
    if not content.size or content.size % row:
        raise FrameError(f"{path} has {content.size:,} bytes, which is no multiple of {row:,}. Unpack it again.")
    rows = content.reshape(-1, row)
    frames = np.ascontiguousarray(rows[:, before:].reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1))
    return _of_frames(path, frames, rows[:, before - 1].astype(np.int64), classes)


def _cifar_c(folder: Path, rest: Sequence[str], *, names: str, usual: Sequence[str] = ()) -> ClassifiedPictures:
    """One corruption at one severity: a file of numbers for each corruption, severities one after the other."""
    severities = [str(one) for one in range(1, _SEVERITIES + 1)]
    there = {path.stem: severities for path in sorted(folder.glob("*.npy")) if path.stem != "labels"}
    kind, severity = _corruption(folder, rest, there)
    frames, labels = (_numbers(folder / f"{name}.npy") for name in (kind, "labels"))
    if len(frames) != len(labels) or len(labels) % _SEVERITIES:
        raise FrameError(f"{folder} has {len(frames):,} pictures of {kind} and {len(labels):,} labels.")
    each = len(labels) // _SEVERITIES
    first, behind = (severity - 1) * each, severity * each
    classes = _class_names(folder / names, usual)
    path = folder / f"{kind}.npy"
    return _of_frames(path, frames[first:behind], labels[first:behind].astype(np.int64), classes, first=first)


def _class_names(path: Path, usual: Sequence[str] = ()) -> tuple[str, ...]:
    """Names in the list that comes with the binary version, with spaces for ``_``, or, without it, the usual ones."""
    names = tuple(usual) if usual and not path.is_file() else read_classes(path)
    return tuple(name.replace("_", " ") for name in names)


def _numbers(path: Path) -> np.ndarray:
    """An array, which stays on the disk."""
    try:
        found: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise FrameError(f"{path} cannot be read as numbers: {error}.") from error
    return found


def _of_frames(
    path: Path, frames: UInt8[np.ndarray, "n h w 3"], labels: np.ndarray, classes: Sequence[str], *, first: int = 0
) -> ClassifiedPictures:
    """Pictures with the file as their name and their number in it."""
    if labels.min() < 0 or labels.max() >= len(classes):
        raise FrameError(f"{path} has the label {labels.max()} of {len(classes)} classes. Unpack it again.")
    names = [f"{path.name}#{first + place}" for place in range(len(labels))]
    return ClassifiedPictures(torch.from_numpy(np.array(frames)), tuple(classes), labels, names)


def _require_no_more(rest: Sequence[str]) -> None:
    if rest:
        raise SpecError(f"only sets that end in -c have parts; got {'/'.join(rest)!r} as well. Leave it out.")


KNOWN_SETS: Mapping[str, Callable[[Path, Sequence[str]], ClassifiedPictures]] = {
    "imagenet": _by_word_net,
    "imagenet-sketch": _by_word_net,
    "imagenet-a": partial(_by_word_net, subset="_a"),
    "imagenet-r": partial(_by_word_net, subset="_r"),
    "imagenet-v2": _by_number,
    "imagenet-c": _imagenet_c,
    "cifar10": partial(_cifar, file="test_batch.bin", names="batches.meta.txt", before=1),
    "cifar100": partial(_cifar, file="test.bin", names="fine_label_names.txt", before=2),
    "cifar10-c": partial(_cifar_c, names="batches.meta.txt", usual=_CIFAR10),
    "cifar100-c": partial(_cifar_c, names="fine_label_names.txt"),
}
"""How each set is read, by name."""
