"""`XClipEncoder`: the X-CLIP of Hugging Face as an encoder that sees clips.

The mean of frame embeddings does not know in which order its frames came. A video encoder does: X-CLIP (Ni et al. 2022,
"Expanding Language-Image Pretrained Models for General Video Recognition", arXiv 2208.02816) lets the frames of a clip
exchange messages in every layer of its vision tower, and ends in a small transformer over time.

| name | what it is |
|---|---|
| ``hf-video:microsoft/xclip-base-patch32`` | an X-CLIP of the Hugging Face hub; downloaded once |
| ``hf-video:local-dir:FOLDER`` | the same from a folder that ``save_pretrained`` wrote |

`vlmrm.rewards.over_time.clip` rewards steps by clips; everywhere else a video encoder sees a frame as a clip that
stands still.
"""

import torch
from jaxtyping import UInt8
from torch import Tensor

from vlmrm.encoders.hugging_face.encoder import HuggingFaceEncoder, pooled
from vlmrm.encoders.rows import unit_rows
from vlmrm.errors import FrameError
from vlmrm.frames import as_frames
from vlmrm.types import Embeddings, Frames


class XClipEncoder(HuggingFaceEncoder):
    """An X-CLIP of transformers; `XClipEncoder.load` makes one from a name.

    In X-CLIP's own classifier a sentence's embedding is moved by the video it is compared with (its video-specific
    prompts). An encoder embeds frames and sentences apart from each other, so that sentences are embedded here without
    that, as ``get_text_features`` does it, and a cosine differs from that of the classifier.

    Its arguments are those of `HuggingFaceEncoder`; the model is an ``XCLIPModel``.

    Example:
        >>> encoder = XClipEncoder.load("hf-video:microsoft/xclip-base-patch32")  # doctest: +SKIP
        >>> encoder.embed_clips(torch.zeros(2, 8, 224, 224, 3, dtype=torch.uint8)).shape  # doctest: +SKIP
        torch.Size([2, 512])
    """

    @property
    def clip_frames(self) -> int:
        """Frames of a clip."""
        return int(self.model.config.vision_config.num_frames)

    def embed_frames(self, frames: Frames) -> Embeddings:
        """Unit-length embeddings of frames, each as a clip that stands still; costs as much as embedding as many clips.

        Raises:
            FrameError: The frames are not uint8 RGB.
        """
        batches = torch.split(as_frames(frames), self.runtime.batch_size)
        small = torch.cat([self.preprocessing.resize(batch) for batch in batches])
        return self.embed_clips(small[:, None].expand(-1, self.clip_frames, -1, -1, -1))

    def embed_clips(self, clips: UInt8[Tensor, "n t h w 3"]) -> Embeddings:
        """Unit-length embeddings of any number of clips, the oldest frame first.

        Raises:
            FrameError: There is no clip, the clips are not uint8 RGB, or they have another number of frames.
        """
        clips = torch.as_tensor(clips)
        if clips.ndim != 5 or clips.shape[1] != self.clip_frames:
            raise FrameError(f"{self.name!r} takes clips (n, {self.clip_frames}, h, w, 3); got {tuple(clips.shape)}.")
        at_once = max(self.runtime.batch_size // self.clip_frames, 1)
        return unit_rows([self._embed_clips(batch) for batch in torch.split(clips, at_once)])

    @torch.inference_mode()
    def _embed_clips(self, clips: UInt8[Tensor, "n t h w 3"]) -> Tensor:
        pixels = self._pixels(as_frames(clips.flatten(0, 1)))
        return pooled(
            self.model.get_video_features(pixel_values=pixels.reshape(-1, self.clip_frames, *pixels.shape[1:]))
        )
