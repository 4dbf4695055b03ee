"""Random pictures of environments that draw themselves in a handful of flat colours, as the classic ones do.

Half of the pictures stay as they are, the other half get other colours, another background, another zoom and another
place in the picture.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from vlmrm_envs.concepts import Columns
from vlmrm_envs.looks import COLOURS, Colour, random_backdrop, random_colours, recolour
from vlmrm_envs.scenes.scene import Maker

if TYPE_CHECKING:
    from vlmrm.frames.preprocessing import Preprocessing  # loads torch

Shown = Mapping[str, float]
"""The state variables that a picture shows."""


@dataclass(frozen=True, kw_only=True)
class Painted:
    """A picture in random colours."""

    picture: UInt8[np.ndarray, "h w 3"]
    """The picture."""
    thing: int
    """Index into `COLOURS` of the colour of what moves."""
    ground: int
    """Index into `COLOURS` of the background's colour."""


@dataclass(frozen=True, kw_only=True)
class FlatPictures:
    """Pictures as the environment draws itself, and painted anew; its own colours need no `look`."""

    randomise: Callable[[Any, np.random.Generator], Shown]
    """Puts an environment into a random state and returns what its picture will show."""
    own_colours: tuple[str, str]
    """Names in `COLOURS` of the thing's and the background's colour as the environment draws itself."""
    repaint: Callable[[Any, np.random.Generator], Painted]
    """Draws an environment's state in random colours; `in_colours_for` makes one from a palette."""
    zooms_in: Callable[[Shown], bool] = lambda shown: True
    """Whether the border of the picture may be cut off; not where something of interest is near it."""
    shifts: bool = True
    """Whether the whole picture may be moved."""

    def draw(
        self, make: Maker, count: int, *, rng: np.random.Generator, preprocessing: "Preprocessing", own_look: float
    ) -> tuple[UInt8[np.ndarray, "n s s 3"], Columns]:
        """Draw random pictures; see `Pictures.draw`."""
        import torch  # slow to load, and whoever only makes the environment does not need it

        frames = np.empty((count, preprocessing.size_px, preprocessing.size_px, 3), np.uint8)
        rows = []
        with closing(make(render_mode="rgb_array")) as env:
            for i in range(count):
                picture, row = self._picture(env, rng, changed=bool(rng.random() >= own_look))
                rows.append(row)
                frames[i] = preprocessing.resize(torch.from_numpy(picture)[None])[0].numpy()
        return frames, as_columns(rows)

    def _picture(self, env: Any, rng: np.random.Generator, *, changed: bool) -> tuple[NDArray[np.uint8], Shown]:
        """One picture with what it shows."""
        shown = self.randomise(env, rng)
        if not changed:
            thing, ground = (COLOURS.index(name) for name in self.own_colours)
            return env.render(), {**shown, "thing": thing, "ground": ground}
        painted = self.repaint(env, rng)
        picture = _crop(painted.picture, rng, zoom_in=self.zooms_in(shown), shift=self.shifts)
        return picture, {**shown, "thing": painted.thing, "ground": painted.ground}


def as_columns(rows: Sequence[Shown]) -> Columns:
    """The variables of several pictures, each as one array."""
    return {name: np.array([row[name] for row in rows], np.float32) for name in rows[0]}


def in_colours_for(palette: Sequence[Colour]) -> Callable[[Any, np.random.Generator], Painted]:
    """Make a function that draws an environment's state in other colours than those of its palette.

    Args:
        palette: The colours that the environment draws with: the background first, then the thing that moves.
    """

    def repaint(env: Any, rng: np.random.Generator) -> Painted:
        picture = env.render()
        colours, (ground, thing, *_) = random_colours(rng, len(palette))
        backdrop = random_backdrop(rng, colours[0], picture.shape[:2])
        return Painted(picture=recolour(picture, palette, colours, backdrop), thing=thing, ground=ground)

    return repaint


def _crop(picture: NDArray[np.uint8], rng: np.random.Generator, *, zoom_in: bool, shift: bool) -> NDArray[np.uint8]:
    """Another zoom and place: a window of another size, its outside filled with the nearest pixel."""
    height, width = picture.shape[:2]
    scale = rng.uniform(0.85 if zoom_in else 1.0, 1.25)
    rows = np.linspace(-0.5, 0.5, height) * scale * height + height / 2
    columns = np.linspace(-0.5, 0.5, width) * scale * width + width / 2
    if shift:
        rows += rng.uniform(-0.06, 0.06) * height
        columns += rng.uniform(-0.06, 0.06) * width
    rows = rows.round().clip(0, height - 1).astype(np.intp)
    columns = columns.round().clip(0, width - 1).astype(np.intp)
    return np.ascontiguousarray(picture[rows[:, None], columns[None, :]])
