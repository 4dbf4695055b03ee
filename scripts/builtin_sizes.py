"""The built-in models that scripts/train_builtin.py can train: what decides their weights."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vlmrm_envs.scenes import SCENES, find_scene

from vlmrm.frames.preprocessing import Preprocessing

REPOSITORY = Path(__file__).resolve().parent.parent


def _more_than_one() -> dict[str, int]:
    shares = {name: find_scene(name).share for name in SCENES}
    return {name: share for name, share in shares.items() if share > 1}


@dataclass(frozen=True, kw_only=True)
class Config:
    """What decides the weights, and where they are kept."""

    name: str
    """Of the model."""
    scenes: tuple[str, ...] = tuple(SCENES)
    """What it learns about."""
    shares: dict[str, int] = field(default_factory=_more_than_one)
    """Scenes that get more than one share of the frames, pictures and sentences: they have more to tell apart."""
    size_px: int
    """Of the square pictures it sees."""
    width: int
    """Of the vision tower's first layers, a ResNet with OpenCLIP's attention pool."""
    layers: tuple[int, int, int, int] = (1, 1, 1, 1)
    """Blocks of its four stages."""
    embed_dim: int = 128
    """Of the embeddings."""
    text_width: int = 64
    """Of the text tower."""
    frames: int = 6_000
    """A share."""
    pictures: int = 7
    """A step and share."""
    sentences: int = 11
    """A step and share."""
    sentence_steps: int = 4_000
    """Updates of the text tower, from states."""
    steps: int
    """Updates of the vision tower, from pictures."""
    learning_rate: float = 2e-3
    """Of AdamW, at its peak after `warmup` steps; then a cosine to 0."""
    muon_learning_rate: float = 0.02
    """The same, of Muon."""
    warmup: int = 100
    """Steps."""
    weight_decay: float = 0.05
    """Of AdamW, on matrices."""
    seed: int = 0
    """Decides everything."""
    work: Path = REPOSITORY / "cache"
    """Frames and checkpoints."""
    out: Path = REPOSITORY / "vlmrm" / "encoders" / "builtin"
    """The model's folder is made in here."""

    def share(self, scene: str) -> int:
        """How many shares a scene gets."""
        return self.shares.get(scene, 1)

    def identity(self) -> dict[str, Any]:
        """The settings that decide the weights."""
        return {key: value for key, value in asdict(self).items() if key not in ("work", "out")}

    def model(self) -> dict[str, Any]:
        """As OpenCLIP reads it."""
        return {
            "embed_dim": self.embed_dim,
            "vision_cfg": {
                "image_size": self.size_px, "layers": list(self.layers), "width": self.width, "head_width": 32,
            },
            "text_cfg": {
                "context_length": 32, "vocab_size": 49408, "width": self.text_width, "heads": 2, "layers": 2,
            },
        }  # fmt: skip

    def preprocessing(self) -> Preprocessing:
        """Of the pictures."""
        return Preprocessing(
            size_px=self.size_px, mean=(0.5,) * 3, std=(0.5,) * 3, resize_mode="squash", interpolation="bicubic"
        )


SIZES = {
    "sim-xs": Config(name="sim-xs", size_px=64, width=8, steps=4_500),
    "sim-s-all": Config(name="sim-s-all", size_px=96, width=16, steps=4_500),
    "sim-m": Config(name="sim-m", size_px=128, width=16, layers=(1, 2, 4, 2), steps=4_500),
}
"""By name, the smallest first. The middle one is not shipped: it is there for the curve of sizes. The ``sim-s`` that is
shipped knows fewer scenes; its README says how it was trained."""
