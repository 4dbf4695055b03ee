"""The file of the humanoid's visited states that scripts/visited_states.py writes and the training of sim-h reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int32
from numpy.typing import NDArray

from vlmrm.atomic import whole_file

KEPT = Path(__file__).resolve().parent / "visited" / "humanoid.npz"
HELD_OUT = 3  # every so manyth episode


@dataclass(frozen=True, kw_only=True, eq=False)
class Visited:
    """Positions of a body, with where they come from."""

    positions: Float32[np.ndarray, "n q"]
    """``qpos`` of each state."""
    sources: NDArray[np.str_]
    """Name of what met the state."""
    episodes: Int32[np.ndarray, " n"]
    """Number of the episode of its source that the state belongs to."""

    @property
    def held_out(self) -> Bool[np.ndarray, " n"]:
        """States that nothing is trained on: those of every third episode."""
        return self.episodes % HELD_OUT == 0

    @classmethod
    def empty(cls) -> "Visited":
        """No states, of the humanoid."""
        return cls(positions=np.zeros((0, 24), np.float32), sources=np.zeros(0, "<U1"), episodes=np.zeros(0, np.int32))

    @classmethod
    def load(cls, path: Path) -> "Visited":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as kept:
            return cls(positions=kept["positions"], sources=kept["sources"], episodes=kept["episodes"])

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Visited":
        """Some of the states."""
        return Visited(positions=self.positions[rows], sources=self.sources[rows], episodes=self.episodes[rows])

    def with_source(self, name: str, episodes: Sequence[Float32[np.ndarray, "k q"]]) -> "Visited":
        """With the states of a source in the place of what it had, episode by episode."""
        others = self.take(self.sources != name)
        counts = [len(episode) for episode in episodes]
        return Visited(
            positions=np.concatenate([others.positions, *episodes]),
            sources=np.concatenate([others.sources, np.full(sum(counts), name)]),
            episodes=np.concatenate([others.episodes, np.repeat(np.arange(len(counts), dtype=np.int32), counts)]),
        )

    def save(self, path: Path) -> None:
        """Write the file; it is whole or not there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as aside:
            np.savez_compressed(aside, positions=self.positions, sources=self.sources, episodes=self.episodes)
