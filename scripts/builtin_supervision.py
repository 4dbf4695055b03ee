"""What helps a built-in model to learn, and is not part of it: the simulator's state as a teacher.

Pictures alone teach slowly: which of a hundred sentences fits says little about where a hand is. So the sentences are
learnt first, against an encoder of the state (`StateEncoder`), which takes minutes and needs no picture. The vision
tower then learns to give the embedding that the state has; and two heads on it learn, beside that, the state itself and
where in the picture each part of the body is. Teacher and heads are thrown away after training.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from vlmrm_envs.looks import COLOURS
from vlmrm_envs.scenes.scene import SceneStates


def is_place(column: str) -> bool:
    """Whether a column says where something is in the picture (`vlmrm_envs.mujoco_pictures`), not what the state is."""
    return column.startswith("at_")


def state_features(states: SceneStates) -> Tensor:
    """The state as numbers near 1: angles by cosine and sine as well, colours one-hot; (n, f)."""
    columns = []
    for name, values in states.columns.items():
        if name in ("thing", "ground"):
            columns.append(np.eye(len(COLOURS))[values.astype(int)])
        elif not is_place(name):
            spread = values.std()
            columns.append(((values - values.mean()) / (spread if spread > 1e-6 else 1.0))[:, None])
            if name.endswith("_deg") or name in ("angle", "second"):
                radians = np.radians(values) if name.endswith("_deg") else values
                columns += [np.cos(radians)[:, None], np.sin(radians)[:, None]]
    return torch.from_numpy(np.concatenate(columns, axis=1).astype(np.float32))


def places(states: SceneStates, grid: int) -> tuple[Tensor, Tensor]:
    """The cell of the picture, cut into grid x grid, that each part is in, and whether it is in it; (n, parts) both."""
    names = [name for name in states.columns if is_place(name) and name.endswith("_x")]
    if not names:
        return torch.zeros(len(states), 0, dtype=torch.long), torch.zeros(len(states), 0, dtype=torch.bool)
    x, y = (np.stack([states[name[:-1] + axis] for name in names], axis=1) for axis in "xy")
    row, column = (np.clip(value * grid, 0, grid - 1).astype(np.int64) for value in (y, x))
    seen = (x > 0) & (x < 1) & (y > 0) & (y < 1)
    return torch.from_numpy(row * grid + column), torch.from_numpy(seen)


class StateEncoder(nn.Module):
    """Unit embeddings of states: a small network for each scene, fed with `state_features`."""

    def __init__(self, features: Mapping[str, Tensor], dim: int) -> None:
        super().__init__()
        self.nets = nn.ModuleDict({scene: _network(part.shape[1], dim) for scene, part in features.items()})

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Embeddings (n, dim) of some states of every scene, scene after scene."""
        return functional.normalize(torch.cat([self.nets[scene](part) for scene, part in features.items()]), dim=1)


class Heads(nn.Module):
    """Reads the state from the vision tower's embedding, and each part's place from its third stage."""

    def __init__(self, features: Mapping[str, Tensor], parts: Mapping[str, int], *, dim: int, channels: int) -> None:
        super().__init__()
        self.state = nn.ModuleDict({scene: _network(dim, part.shape[1]) for scene, part in features.items()})
        self.place = nn.ModuleDict(
            {scene: nn.Conv2d(channels, count * 4, 1) for scene, count in parts.items() if count}
        )

    def state_loss(self, embeddings: Mapping[str, Tensor], features: Mapping[str, Tensor]) -> Tensor:
        """How far the states read are off, mean of the pictures."""
        losses = [
            functional.smooth_l1_loss(self.state[scene](4 * seen), features[scene], beta=0.5) * len(seen)
            for scene, seen in embeddings.items()
        ]
        return torch.stack(losses).sum() / sum(map(len, embeddings.values()))

    def place_loss(self, stage: Mapping[str, Tensor], where: Mapping[str, tuple[Tensor, Tensor]]) -> Tensor:
        """Cross-entropy of the cell that each part is in, mean of the parts that are in the picture."""
        losses, count = [], 0
        for scene, head in self.place.items():
            cells, seen = where[scene]
            logits = functional.pixel_shuffle(head(stage[scene]), 2).float().flatten(2)  # n, parts, cells
            losses.append(functional.cross_entropy(logits[seen], cells[seen], reduction="sum"))
            count += int(seen.sum())
        return torch.stack(losses).sum() / max(count, 1) if losses else torch.zeros(())


def _network(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, 256), nn.GELU(), nn.Linear(256, 256), nn.GELU(), nn.Linear(256, outputs))
