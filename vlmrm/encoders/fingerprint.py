"""The fingerprint of an encoder: a short string that says which weights, architecture and preprocessing it has.

It is a hash of what decides an encoder's numbers. The name and the folder of a model do not enter, nor do device,
precision or file format: a model that was copied, or saved as ``.bin`` instead of ``.safetensors``, keeps its
fingerprint, and weights stored in half precision have that of the same numbers stored in float32.

Tensors are told apart by their names in the file. A checkpoint whose names open_clip translates while it loads it
therefore has another fingerprint than the translated model that was saved afterwards.

Reading 10 GB takes long, so the digest of a weights file is kept in the user's cache directory, which is
``$XDG_CACHE_HOME/vlmrm/fingerprints`` or ``~/.cache/vlmrm/fingerprints``, until the file's inode, size or times change.
"""

import hashlib
import json
import os
import re
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from vlmrm.atomic import whole_file
from vlmrm.errors import SpecError
from vlmrm.frames.preprocessing import Preprocessing

PROBE = "The quick brown fox jumps over 13 lazy dogs, isn't it? (24.6 km/h)"
"""A sentence whose token ids tell tokenizers apart."""
_LENGTH = 16  # hex digits, as those of a spec's hash
_AT_ONCE = 1 << 24  # numbers that are brought to float32 together: 64 MiB
_FORMAT = 1  # to be raised when digests of files are computed in another way
_DIGEST = re.compile("[0-9a-f]{64}")
_SETTLED_NS = (
    2_000_000_000  # a file changed more recently could change again without a new time: some clocks are coarse
)


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A file of weights as it was when a model was loaded from it."""

    path: Path
    """Absolute path of the file, with symbolic links followed."""
    identity: tuple[int, ...]
    """Device, inode, size in bytes, and the times of the last change of content and of status in nanoseconds; empty if
    there is no file."""

    @classmethod
    def at(cls, path: Path) -> "WeightsFile":
        """Note the file that lies at a path now."""
        found = path.resolve()
        return cls(path=found, identity=_identity(found))

    def digest(self) -> str | None:
        """SHA-256 of the tensors in the file; None if the file has changed or gone since it was noted."""
        if not self._unchanged():
            return None
        kept = self._kept()
        if kept is not None:
            return kept
        found = _digest_file(self.path)
        if not self._unchanged():
            return None
        self._keep(found)
        return found

    def _unchanged(self) -> bool:
        return bool(self.identity) and _identity(self.path) == self.identity

    def _cache_file(self) -> Path | None:
        folder = _cache_folder()
        key = json.dumps([_FORMAT, str(self.path), *self.identity])
        return None if folder is None else folder / hashlib.sha256(key.encode()).hexdigest()[:32]

    def _kept(self) -> str | None:
        """The digest in the cache; a damaged entry counts as none."""
        file = self._cache_file()
        try:
            kept = "" if file is None else file.read_text(encoding="ascii")
        except (OSError, ValueError):
            return None
        return kept if _DIGEST.fullmatch(kept) else None

    def _keep(self, digest: str) -> None:
        """Write the digest to the cache; where that is not possible the file is read again next time."""
        file = self._cache_file()
        changed_ns = self.identity[3]
        if file is None or time.time_ns() - changed_ns < _SETTLED_NS:
            return
        try:
            with whole_file(file) as unfinished:
                unfinished.write_text(digest, encoding="ascii")
        except OSError:
            return


@dataclass(frozen=True, kw_only=True, eq=False)
class Origin:
    """What a model was built from, as far as its fingerprint depends on it."""

    architecture: Mapping[str, Any]
    """The configuration that the model was built from, as plain values."""
    weights: WeightsFile | None = None
    """File of the weights; None if they are random."""
    rebuild: Callable[[], nn.Module] | None = None
    """Builds random weights again in float32, for a model that was rounded to another precision; None if it was not."""

    def weights_digest(self, model: nn.Module) -> str:
        """SHA-256 of the weights that the model was loaded with.

        Args:
            model: The model itself, to be read where its file has changed or gone since.
        """
        digest = None if self.weights is None else self.weights.digest()
        if digest is None:
            digest = digest_model(model if self.rebuild is None else self.rebuild())
        return digest


def fingerprint_of(parts: Mapping[str, Any]) -> str:
    """Hash of plain values that together decide an encoder's numbers.

    Args:
        parts: Values that JSON can hold, by name; their order does not matter.

    Returns:
        16 hex digits.

    Example:
        >>> fingerprint_of({"weights": "ab", "size_px": 96})
        'af18f757e6163841'
        >>> fingerprint_of({"size_px": 96, "weights": "ab"}) == fingerprint_of({"weights": "ab", "size_px": 96})
        True
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:_LENGTH]


def fingerprint_of_model(
    origin: Origin, model: nn.Module, *, tokens: Sequence[Sequence[int]], preprocessing: Preprocessing
) -> str:
    """Fingerprint of an encoder that is one model.

    Args:
        origin: What the model was built from.
        model: The model.
        tokens: Token ids of `PROBE`, as a list of one row.
        preprocessing: How its frames are prepared.
    """
    of_one_picture = {key: value for key, value in asdict(preprocessing).items() if key != "side_by_side"}
    return fingerprint_of(
        {
            "architecture": origin.architecture,
            "weights": origin.weights_digest(model),
            "tokens": tokens,
            "preprocessing": of_one_picture,
        }
    )


def require_same_weights(what: str, fitted: str, name: str, fingerprint: str) -> None:
    """Refuse what was fitted with one encoder beside another.

    Args:
        what: Word of the spec that was fitted.
        fitted: Fingerprint of the encoder that it was fitted with.
        name: Name of the encoder at hand.
        fingerprint: Fingerprint of the encoder at hand.

    Raises:
        SpecError: If the two encoders have other weights, or prepare frames in other ways.
    """
    if fitted != fingerprint:
        raise SpecError(
            f"{what} was fitted with an encoder of fingerprint {fitted}, and {name!r} has {fingerprint}: its weights "
            "or its preprocessing are others now. Fit it again."
        )


def digest_model(model: nn.Module) -> str:
    """SHA-256 of a model's tensors, equal to that of a file which holds the same numbers under the same names.

    Args:
        model: The model, on any device.

    Example:
        >>> model = nn.Linear(2, 2)
        >>> before = digest_model(model)
        >>> before == digest_model(model)
        True
        >>> _ = nn.init.zeros_(model.bias)
        >>> before == digest_model(model)
        False
    """
    tensors = model.state_dict()
    return _digest(tensors, tensors.__getitem__)


def _digest_file(path: Path) -> str:
    """Of safetensors one tensor at a time; files of PyTorch are mapped, not read at once, where their format allows."""
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as file:
            return _digest(file.keys(), file.get_tensor)
    found = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    found = found.get("state_dict", found)
    tensors = {name.removeprefix("module."): value for name, value in found.items() if torch.is_tensor(value)}
    return _digest(tensors, tensors.__getitem__)


def _digest(names: Iterable[str], read: Callable[[str], Tensor]) -> str:
    """Of names and numbers; shapes follow from the architecture, and some files have a scalar as a row of one."""
    total = hashlib.sha256()
    for name in sorted(names):
        tensor = read(name).detach().flatten()
        total.update(json.dumps([name, len(tensor)]).encode())
        for part in torch.split(tensor, _AT_ONCE):
            numbers = part.cpu()
            if numbers.is_floating_point():
                total.update(numbers.float().numpy().astype("<f4", copy=False).tobytes())
            else:
                total.update(numbers.long().numpy().astype("<i8", copy=False).tobytes())
    return total.hexdigest()


def _identity(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _cache_folder() -> Path | None:
    """Where digests are kept; None if this user has no home directory."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:  # the XDG specification asks to ignore relative paths
        root = given if given.is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        return None
    return root / "vlmrm" / "fingerprints"
