"""Where an encoder computes, and in which precision."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vlmrm.errors import EncoderError, near_matches

_LOG = logging.getLogger(__name__)

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_FAST_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # x86 and ARM, as /proc/cpuinfo names them

_CPU_BATCH, _GPU_BATCH = 32, 256
# on a CPU a larger batch leaves the cache, of all but the smallest models, and a smaller one waits for Python:
# experiments/results/batch_size.md


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """A device, a precision and a batch size that go together."""

    device: torch.device
    """Device that the model lies on."""
    precision: str
    """``fp32``, ``bf16`` or ``fp16``."""
    batch_size: int
    """Frames or sentences at a time; never changes an embedding beyond rounding."""

    @property
    def dtype(self) -> torch.dtype:
        """What pictures are turned into before the vision tower."""
        return PRECISIONS[self.precision]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for the record of a run."""
        return {"device": str(self.device), "precision": self.precision, "batch_size": self.batch_size}


def choose_runtime(
    device: str | None = None, precision: str | None = None, *, batch_size: int | None = None
) -> Runtime:
    """Fill in what was left open.

    Args:
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps`` …; None: CUDA if there is one, else the CPU.
        precision: ``fp32``, ``bf16`` or ``fp16``; None: fp32 on the CPU, else bf16 if the device has it, else fp16.
        batch_size: None: 32 on the CPU, 256 elsewhere.

    Raises:
        EncoderError: There is no such device or precision, or they do not go together.

    Example:
        >>> choose_runtime("cpu")
        Runtime(device=device(type='cpu'), precision='fp32', batch_size=32)
    """
    place = _device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if precision is None:
        precision = _usual_precision(place)
    if precision not in PRECISIONS:
        raise EncoderError(f"unknown precision {precision!r}. Known: {', '.join(PRECISIONS)}.")
    if place.type == "cpu" and precision == "fp16":
        raise EncoderError(
            'fp16 is for GPUs; on the CPU use precision="fp32", or "bf16" if the CPU has instructions for it.'
        )
    if place.type == "cpu" and precision == "bf16" and not _cpu_has_bf16():
        _LOG.warning("this CPU shows no instructions for bf16 and will emulate it, about 4x slower than fp32.")
    if batch_size is None:
        batch_size = _CPU_BATCH if place.type == "cpu" else _GPU_BATCH
    if batch_size < 1:
        raise EncoderError(f"batch_size must be at least 1; got {batch_size}.")
    return Runtime(device=place, precision=precision, batch_size=batch_size)


def _device(name: str) -> torch.device:
    """Checked by putting one number there."""
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # a torch without CUDA raises AssertionError
        near = near_matches(name, [other for other in ("cpu", "cuda", "mps") if other != name])
        raise EncoderError(
            f"no device {name!r} here: {error}. Near: {near}; left out, it is the best there is."
        ) from error
    return device


def _usual_precision(device: torch.device) -> str:
    if device.type == "cpu":
        return "fp32"
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return "bf16"
    return "fp16"


def _cpu_has_bf16() -> bool:
    """Looks at the flags of Linux; False where they cannot be read."""
    try:
        return bool(_FAST_BF16_FLAGS & set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split()))
    except OSError:
        return False
