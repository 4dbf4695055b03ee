"""A small ViT with random weights, and two frames of a white bar that are told apart by where it is."""

import torch

from tests.encoders.models import BUILTIN_LIKE, SIGLIP_LIKE, write_model
from vlmrm import PromptSet, RewardSpec
from vlmrm.encoders import load_encoder

PROMPTS = PromptSet("a white bar at the top", "a white bar", ["a white bar at the bottom"])


def bars(rows, size_px=64):
    """One frame for each row at which a bar begins."""
    frames = torch.zeros(len(rows), size_px, size_px, 3, dtype=torch.uint8)
    for frame, row in zip(frames, rows, strict=True):
        frame[row : row + size_px // 5, size_px // 4 : -size_px // 4] = 255
    return frames


FRAMES, LABELS = bars([2, 5, 8, 40, 45, 50]), [1, 1, 1, 0, 0, 0]


def encoder_of(kind, folder):
    """A built-in model, a ViT, or a SigLIP, the last two with random weights."""
    if kind == "sim-xs":
        return load_encoder("sim-xs", device="cpu")
    write_model(folder, BUILTIN_LIKE if kind == "vit" else SIGLIP_LIKE)
    return load_encoder(f"local-dir:{folder}", device="cpu")


def spec_of(encoder, **changes):
    """Of the white bar."""
    return RewardSpec(encoder=encoder.name, prompts=PROMPTS, **changes)
