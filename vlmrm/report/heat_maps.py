"""Why a frame has its score: which patches of the picture raise it, and which labelled frames are like it.

- `occlusion`: how much the score falls when a patch is covered; for any reward.
- `gradient_map`: the same to first order, from one backward pass; for one encoder of OpenCLIP on whole frames.
- `overlay`: either of them over the frame, as a picture.
- `nearest`: the labelled frames whose embeddings are nearest.
"""

import warnings
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from vlmrm.encoders.encoder import Encoder
from vlmrm.encoders.towers.gradients import DifferentiableEncoder
from vlmrm.errors import FrameError, OutOfDomainWarning, SpecError
from vlmrm.frames.batch import as_frames
from vlmrm.report.pixel_gradients import require_gradients
from vlmrm.rewards.features.frame_features import FrameFeatures
from vlmrm.rewards.model import RewardModel
from vlmrm.rewards.protocols import FrameReward
from vlmrm.types import Frames, Pixels

HeatMap = Float[np.ndarray, "p p"]
"""By how much each patch of a frame raises its score, rows from the top."""

RAISES, LOWERS = (213, 94, 0), (0, 114, 178)
"""Orange and blue of Okabe and Ito's palette, which colour-blind readers tell apart."""
_STRONGEST = 0.75  # share of the colour where the map is strongest; the frame shows through
_LUMA = (0.299, 0.587, 0.114)
_INSTEAD = "occlusion(reward, frame) asks any reward."


def occlusion(reward: FrameReward, frame: Any, *, patches: int = 8, fill: int | None = None) -> HeatMap:
    """Return by how much the score of a frame falls when each of its patches is covered.

    Above 0: what is there raises the score. The frame and its copies are scored as one batch. Of a reward that looks
    back, it is the score of the single frame.

    Args:
        reward: Any reward; it is asked for ``patches * patches + 1`` scores.
        frame: uint8 RGB (h, w, 3), of any size.
        patches: Patches along each side; those of a size that they do not divide differ by a pixel.
        fill: Grey value of the cover, 0 to 255. None: the mean colour of the frame.

    Raises:
        FrameError: There is not one frame.
        SpecError: There are more patches than pixels, or `fill` is impossible.

    Example:
        >>> from vlmrm.rewards import FunctionReward
        >>> corner = FunctionReward(lambda frames: frames[:, :2, :2, 0].float().mean(dim=(1, 2)), name="corner")
        >>> occlusion(corner, torch.full((4, 4, 3), 200, dtype=torch.uint8), patches=2, fill=50)
        array([[150.,   0.],
               [  0.,   0.]], dtype=float32)
    """
    picture = _one(frame)
    if fill is not None and not 0 <= fill <= 255:
        raise SpecError(f"fill is a grey value, 0 to 255; got {fill}.")
    cover = picture.double().mean(dim=(0, 1)).round().to(torch.uint8) if fill is None else torch.tensor([fill] * 3)
    rows, columns = (_edges(side, patches) for side in picture.shape[:2])
    copies = picture.repeat(patches * patches + 1, 1, 1, 1)  # the last one stays as it is
    for number, copy in enumerate(copies[:-1]):
        row, column = divmod(number, patches)
        copy[rows[row] : rows[row + 1], columns[column] : columns[column + 1]] = cover
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfDomainWarning)  # no model was trained on covered pictures
        scores = reward.explain(copies)["score"].detach().float()
    return (scores[-1] - scores[:-1]).reshape(patches, patches).cpu().numpy()


def gradient_map(reward: FrameReward, frame: Any, *, patches: int = 8) -> HeatMap:
    """Return what `occlusion` measures to first order: gradient times what a cover would take away, summed by patch.

    It costs one look at the frame and one backward pass. It is a map of the square picture that the model sees,
    ``reward.capture.resize(frame)``, which of a frame that is not square may be the middle alone.

    Args:
        reward: A `RewardModel` of one OpenCLIP encoder, without crops, uncertainty, judge and threshold.
        frame: uint8 RGB (h, w, 3).
        patches: Patches along each side.

    Raises:
        FrameError: There is not one frame.
        SpecError: No gradient reaches the pixels, or there are more patches than pixels.

    Example:
        >>> from vlmrm.prompts import PromptSet
        >>> reward = RewardModel.load("sim-s", PromptSet("a pole held vertically upright", "a pole on its cart"))
        >>> gradient_map(reward, torch.zeros(96, 96, 3, dtype=torch.uint8), patches=4).shape
        (4, 4)
    """
    picture = _one(frame)
    model = require_gradients(reward, instead=_INSTEAD)
    with torch.inference_mode(False), torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the same sentences were warned of when the reward was made
        encoder = _PixelEncoder(model.encoder)
        score = RewardModel(encoder, model.spec).explain(picture.clone())["score"].sum()
        if not score.requires_grad:
            raise SpecError(f"no gradient of the score reaches the pixels with head {model.spec.head!r}. {_INSTEAD}")
        pixels = encoder.pixels[-1]
        (gradient,) = torch.autograd.grad(score, pixels)
        taken = pixels - pixels.mean(dim=(2, 3), keepdim=True)  # by a cover of the mean colour
        products = (gradient * taken).sum(dim=1)[0].detach().float().cpu().numpy()  # s s
    starts = _edges(len(products), patches)[:-1]
    found: HeatMap = np.add.reduceat(np.add.reduceat(products, starts, axis=0), starts, axis=1)
    return found


def overlay(frame: Any, heat: HeatMap) -> UInt8[np.ndarray, "h w 3"]:
    """Return a grey copy of a frame with a map over it: orange where the score is raised, blue where it is lowered.

    The strongest patch has the strongest colour. A map of zeros leaves the frame grey.

    Args:
        frame: uint8 RGB (h, w, 3).
        heat: What `occlusion` or `gradient_map` returned for it.

    Raises:
        FrameError: There is not one frame.

    Example:
        >>> overlay(np.full((4, 4, 3), 100, np.uint8), np.array([[1.0, 0.0], [0.0, 0.0]]))[0, 0].tolist()
        [185, 96, 25]
    """
    picture = _one(frame).double()
    strongest = max(float(np.abs(heat).max()), float(np.finfo(float).tiny))
    coarse = torch.from_numpy(np.asarray(heat, dtype=float) / strongest)[None, None]
    strength = interpolate(coarse, picture.shape[:2], mode="bilinear")[0, 0, :, :, None]  # h w 1
    grey = (picture @ torch.tensor(_LUMA).double())[:, :, None]
    colour = torch.where(strength > 0, torch.tensor(RAISES).double(), torch.tensor(LOWERS).double())
    mixed = grey + _STRONGEST * strength.abs() * (colour - grey)
    drawn: UInt8[np.ndarray, "h w 3"] = mixed.round().to(torch.uint8).numpy()
    return drawn


def nearest(seen: FrameFeatures, labelled: FrameFeatures, k: int = 3) -> Int[Tensor, "n k"]:
    """Return the indices of the labelled frames that are nearest to each frame by cosine, the nearest first.

    Args:
        seen: What ``reward.read`` returned for some frames.
        labelled: What the same reward read of frames whose labels are known.
        k: Labelled frames to find for each.

    Raises:
        SpecError: There are fewer labelled frames, or the two have no embeddings that could be compared.

    Example:
        >>> labels = np.array([True, False, False])
        >>> known = FrameFeatures(embeddings=torch.eye(3))
        >>> found = nearest(FrameFeatures(embeddings=torch.tensor([[0.6, 0.0, 0.8]])), known, k=2)
        >>> found, labels[found]
        (tensor([[2, 0]]), array([[False,  True]]))
    """
    if not 1 <= k <= len(labelled):
        raise SpecError(f"k must be 1 to the number of labelled frames, {len(labelled)}; got {k}.")
    widths = seen.embeddings.shape[1], labelled.embeddings.shape[1]
    if widths[0] != widths[1] or not widths[0]:
        raise SpecError(
            f"frames are near by embeddings of one model; got {widths[0]} and {widths[1]} numbers for each frame. Read "
            "both with one reward that embeds single frames."
        )
    cosines = seen.embeddings @ labelled.embeddings.T
    return cosines.argsort(dim=1, descending=True, stable=True)[:, :k]


class _PixelEncoder(DifferentiableEncoder):
    """Embeds frames with gradients to their pixels, which it keeps."""

    def __init__(self, encoder: Encoder) -> None:
        self.pixels: list[Pixels] = []
        """Pixels of each batch, normalised."""
        super().__init__(encoder, copied=())

    def _embed_batch(self, frames: Frames) -> Tensor:
        small = self.preprocessing.resize(frames).to(self.runtime.device)
        self.pixels.append(self.preprocessing.normalise(small).requires_grad_())
        return self._encode_pixels(self.pixels[-1])


def _one(frame: Any) -> UInt8[Tensor, "h w 3"]:
    batch = as_frames(frame)
    if len(batch) != 1:
        raise FrameError(f"a heat map is of one frame (h, w, 3); got {len(batch)}. Ask for each by itself.")
    return batch[0]


def _edges(side_px: int, patches: int) -> list[int]:
    if not 1 <= patches <= side_px:
        raise SpecError(
            f"patches must be 1 to the shorter side of the frame, which has {side_px} pixels; got {patches}."
        )
    return [side_px * number // patches for number in range(patches + 1)]
