"""`DescribedReport`: what a captioner says of an agent's frames, beside the reward of each."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from vlmrm.errors import FrameError
from vlmrm.report.page import fill
from vlmrm.report.plots import draw_spells, picture_data
from vlmrm.report.saving import Page

_PICTURE_PX, _MOST = 240, 40


@dataclass(frozen=True, kw_only=True)
class Spell:
    """Frames of which a captioner says the same, one after the other."""

    first: int
    """Number of the first frame."""
    last: int
    """Number of the last frame that was described."""
    caption: str
    """What it says."""
    reward: float | None
    """Mean reward from the first frame to the last. None: there is no reward."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DescribedReport(Page):
    """Captions of some frames of an episode, and the rewards of all.

    Raises:
        FrameError: There is nothing described, or not one picture and caption for each place.
    """

    about: str
    """What was seen, such as the name of a run."""
    captioner: str
    """Who says it."""
    places: Sequence[int]
    """Numbers of the frames that are described, from the first to the last."""
    captions: Sequence[str]
    """What is said of each."""
    pictures: Sequence[UInt8[np.ndarray, "h w 3"]]
    """Each of these frames."""
    rewards: Float[np.ndarray, " n"] | None = None
    """Reward of every frame. None: there is no reward."""
    paid_by: str = ""
    """Name of what pays the rewards, such as a task. Empty: it is not said."""

    def __post_init__(self) -> None:
        sizes = {len(self.places), len(self.captions), len(self.pictures)}
        if len(sizes) != 1 or not len(self.places):
            raise FrameError(f"each frame that is described has its picture and caption; got {sorted(sizes)}.")

    @cached_property
    def spells(self) -> Sequence[Spell]:
        """What is said one after the other."""
        found: list[Spell] = []
        for place, caption in zip(self.places, self.captions, strict=True):
            first = found.pop().first if found and found[-1].caption == caption else place
            paid = None if self.rewards is None else float(self.rewards[first : place + 1].mean())
            found.append(Spell(first=first, last=place, caption=caption, reward=paid))
        return found

    @property
    def headline(self) -> str:
        """What is shown, in a sentence."""
        return f"What {self.captioner} says of {self.about}: {len(self.spells)} things in {len(self.places)} frames."

    def to_dict(self) -> dict[str, Any]:
        """Return all as plain values, for JSON."""
        return {
            "about": self.about,
            "captioner": self.captioner,
            "spells": [asdict(one) for one in self.spells],
            "captions": [
                {"frame": int(place), "caption": caption}
                for place, caption in zip(self.places, self.captions, strict=True)
            ],
            "rewards": None if self.rewards is None else [float(one) for one in self.rewards],
            "paid_by": self.paid_by,
        }

    def html(self) -> str:
        """Return the page, one file that needs no other."""
        picture = dict(zip(self.places, self.pictures, strict=True))
        shown = self.spells[:_MOST]
        drawn = [] if self.rewards is None else [draw_spells(self.rewards, [one.first for one in self.spells])]
        return fill(
            "described.html",
            report=self,
            drawn=drawn,
            shown=[(one, picture_data(picture[one.first], _PICTURE_PX)) for one in shown],
            more=len(self.spells) - len(shown),
        )
