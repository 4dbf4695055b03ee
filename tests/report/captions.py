"""A small report of captions, and one of what a captioner says, as tests make them."""

import numpy as np
import torch

from vlmrm.data.caption_judge import JudgedCaption, Mark
from vlmrm.report import CaptionReport
from vlmrm.report.described import DescribedReport
from vlmrm.rlcf.captions.comparing import CaptionedBy, CaptionResult

SAID = {
    "zero_shot": ["a red star", "a blue cross", "a red cross"],
    "best_of_k": ["a red star", "a red cross", "a red cross"],
    "adapted": ["a red star", "a red <b>star</b>", "a red star"],
}
TRUE = ["a red star", "a red star", "a blue star"]


class WordJudge:
    """Two facts of each picture: its colour and its shape."""

    facts = 2

    def judge(self, place, caption):
        """Count the words of the truth that stand in a caption."""
        colour, shape = TRUE[place].split()[1:]
        marks = [
            Mark(caption.index(word), caption.index(word) + len(word), word in (colour, shape))
            for word in ("red", "blue", "star", "cross")
            if word in caption
        ]
        marks.sort()
        right = sum(mark.right for mark in marks)
        return JudgedCaption(right=right, said=len(marks), false_objects=right < 2, in_grammar=True, marks=tuple(marks))


def captioned(name):
    """What one method says."""
    after = {"adapted": SAID["adapted"]}.get(name)
    each = [
        CaptionResult(caption=text, adapted=after is not None, moved=0.1, after_each=(text,) if after else ())
        for text in SAID[name]
    ]
    return CaptionedBy(name=name, each=each)


def caption_report(**changes):
    """Three pictures of noise, three methods."""
    pictures = torch.randint(0, 256, (3, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    given = {
        "methods": {name: captioned(name) for name in SAID},
        "pictures": pictures,
        "rewards": {"zero_shot": np.zeros(3), "best_of_k": np.full(3, 0.1), "adapted": np.full(3, 0.2)},
        "references": [[text] for text in TRUE],
        "judge": WordJudge(),
        "rewards_after_each": [0.2],
        "protocol": {"captioner": "tab-cap"},
    }
    return CaptionReport(**{**given, **changes})


def described_report(**changes):
    """Four frames, of which the first two are said to be alike."""
    picture = np.zeros((16, 16, 3), np.uint8)
    given = {
        "about": "runs/<i>x</i>", "captioner": "sim-cap", "places": [0, 5, 10, 15],
        "captions": ["a pole up", "a pole up", "a pole <b>down</b>", "a pole up"], "pictures": [picture] * 4,
        "rewards": np.linspace(0, 1, 20), "paid_by": "the reward of cartpole/upright",
    }  # fmt: skip
    return DescribedReport(**{**given, **changes})
