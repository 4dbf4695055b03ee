"""What a reward that looks back pays for the steps of made-up episodes."""

import numpy as np
import torch
from jaxtyping import Float, Int

from vlmrm.report.audit.audited import Audited
from vlmrm.rewards.features.frame_features import FrameFeatures


def steps_paid(audited: Audited, seen: FrameFeatures, rows: Int[np.ndarray, " t"]) -> Float[np.ndarray, " s"]:
    """Return what each step of an episode is paid, of one frame after the other; the first frame is the reset's.

    Args:
        audited: The reward.
        seen: What it read in frames.
        rows: Numbers of the episode's frames among them, in the order of time; at least one.
    """
    stream, running = audited.reward.stream(1), torch.tensor([False])
    stream.begin(seen[[int(rows[0])]])
    return np.array([float(stream.step(seen[[int(row)]], running)[0]) for row in rows[1:]])
