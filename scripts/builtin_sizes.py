"""The built-in models that scripts/train_builtin.py can train: what decides their weights, and their folders."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from vlmrm_envs.scenes import SCENES, find_scene

from vlmrm.frames.preprocessing import Preprocessing

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A small CLIP, how fast it learns, and where it is kept."""

    name: str
    """Name of the model."""
    size_px: int
    """Side of the square pictures that it sees."""
    width: int
    """Width of the first layers of the vision tower, a ResNet with OpenCLIP's attention pool."""
    layers: tuple[int, int, int, int] = (1, 1, 1, 1)
    """Blocks in each of the four stages of the vision tower."""
    embed_dim: int = 128
    """Length of an embedding."""
    text_width: int = 64
    """Width of the text tower."""
    text_layers: int = 2
    """Blocks of the text tower."""
    learning_rate: float = 2e-3
    """Peak learning rate of AdamW, reached after `warmup` steps; then it falls to 0 as a cosine."""
    muon_learning_rate: float = 0.02
    """Peak learning rate of Muon."""
    warmup: int = 100
    """Steps until the learning rate has its peak."""
    seed: int = 0
    """Random seed, which decides everything."""
    work: Path = REPOSITORY / "cache"
    """Folder of drawn frames and of checkpoints."""
    out: Path = REPOSITORY / "vlmrm" / "encoders" / "builtin"
    """Folder in which the model's own folder is made."""

    def identity(self) -> dict[str, Any]:
        """The settings that decide the weights."""
        return {k: v for k, v in asdict(self).items() if k not in ("work", "out")}

    def model(self) -> dict[str, Any]:
        """Architecture, as OpenCLIP reads it."""
        return {
            "embed_dim": self.embed_dim,
            "vision_cfg": {
                "image_size": self.size_px, "layers": list(self.layers), "width": self.width, "head_width": 32,
            },
            "text_cfg": {
                "context_length": 32, "vocab_size": 49408, "width": self.text_width, "heads": self.text_width // 32,
                "layers": self.text_layers,
            },
        }  # fmt: skip

    def preprocessing(self) -> Preprocessing:
        """How pictures are prepared for the model."""
        return Preprocessing(
            size_px=self.size_px, mean=(0.5,) * 3, std=(0.5,) * 3, resize_mode="squash", interpolation="bicubic"
        )


@dataclass(frozen=True, kw_only=True)
class Config(Architecture):
    """A model of simulated scenes: what decides its weights."""

    scenes: tuple[str, ...] = tuple(SCENES)
    """Names of the scenes that it learns about."""
    shares: dict[str, int] = field(default_factory=dict)
    """Number of shares of the frames, pictures and sentences, for scenes that do not get the share of their record."""
    frames: int = 6_000
    """Pictures drawn for each share."""
    pictures: int = 7
    """Pictures in each step for each share."""
    sentences: int = 11
    """Sentences in each step for each share."""
    nonsense: int = 24
    """Sentences in each step about nothing that the scenes show."""
    visited: int = 0
    """Pictures drawn of states of the humanoid that agents met (scripts/visited_states.py), beside the random ones.
    Then its sentences name near misses too (`vlmrm_envs.scenes.humanoid.near_misses`)."""
    sources: tuple[str, ...] = ("agent", "climbed", "early", "held")
    """First words of the sources of those states, each as likely as another."""
    start_from: str | None = None
    """Name of a model of the same architecture, in `out` or built in, whose weights training begins with."""
    sentence_steps: int = 5_000
    """Updates of the text tower, which learns from states."""
    steps: int
    """Updates of the vision tower, which learns from pictures."""
    weight_decay: float = 0.05
    """Weight decay of AdamW, on matrices only."""

    def share(self, scene: str) -> int:
        """Number of shares that a scene gets."""
        return self.shares[scene] if scene in self.shares else find_scene(scene).share

    def identity(self) -> dict[str, Any]:
        """The settings that decide the weights."""
        shares = {scene: self.share(scene) for scene in self.scenes if self.share(scene) > 1}
        sources = self.sources if self.visited else ()
        later = {"visited": self.visited, "sources": sources, "start_from": self.start_from}  # left out where as ever
        identity = {name: value for name, value in super().identity().items() if name not in later}
        return identity | {"shares": shares} | {name: value for name, value in later.items() if value}


CLASSIC_CONTROL = ("cartpole", "mountain_car", "pendulum", "acrobot")
SIZES = {
    "sim-xs": Config(name="sim-xs", size_px=64, width=8, steps=4_500),
    "sim-s": Config(
        name="sim-s",
        scenes=CLASSIC_CONTROL,
        size_px=96,
        width=16,
        frames=12_000,
        pictures=16,
        sentences=24,
        steps=6_000,
    ),
    "sim-s-all": Config(name="sim-s-all", size_px=96, width=16, steps=4_500),
    "sim-m": Config(name="sim-m", size_px=128, width=16, layers=(1, 2, 4, 2), steps=4_000),
    "sim-h-near": Config(
        name="sim-h-near",
        scenes=("humanoid",),
        shares={"humanoid": 1},
        size_px=128,
        width=16,
        layers=(1, 2, 4, 2),
        frames=12_000,
        visited=72_000,
        start_from="sim-m",
        pictures=84,
        sentences=100,
        sentence_steps=3_000,
        steps=10_000,
        learning_rate=1.2e-3,
        muon_learning_rate=0.01,
    ),
}
SIZES["sim-h"] = replace(
    SIZES["sim-h-near"],
    name="sim-h",
    visited=30_000,
    sources=("early", "held", "climbed", "agent", "again"),
    start_from="sim-h-near",
    seed=1,
    steps=3_500,
    learning_rate=8e-4,
    muon_learning_rate=0.007,
)
"""By name, the smallest first. Two are not shipped: ``sim-s-all``, for the curve of sizes, and ``sim-h-near``, which
``sim-h`` begins as."""
