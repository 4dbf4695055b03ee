"""``vlmrm caption describe``: what a captioner says of an agent's frames, beside the reward's curve."""

from pathlib import Path

import numpy as np
import torch

from vlmrm.cli.adapt_captions import require_room
from vlmrm.cli.caption_arguments import Caption
from vlmrm.cli.score import named_spec
from vlmrm.data.frame_files import VIDEOS, read_frames
from vlmrm.errors import FrameError, SpecError
from vlmrm.frames.batch import as_frames
from vlmrm.report.described import DescribedReport
from vlmrm.rewards.model import RewardModel
from vlmrm.rlcf.captions import load_captioner
from vlmrm.training.playing import film_of_run
from vlmrm.types import Frames


def describe(given: Caption) -> int:
    """Look at a run or a video, and write the page."""
    out = given.out or Path("describe.html")
    if out.suffix != ".html":
        raise SpecError(f"what is said goes into a page: a file that ends in .html; got --out {out}.")
    if given.every < 1:
        raise SpecError(f"--every is at least 1 frame; got {given.every}.")
    require_room([out], force=given.force)
    captioner = load_captioner(given.captioner, device=given.device)
    frames, rewards, paid_by = _of_run(given) if Path(given.source).is_dir() else _of_video(given)
    places = list(range(0, len(frames), given.every))
    captions = [text for place in places for text in captioner.caption(frames[place : place + 1])]
    report = DescribedReport(
        about=Path(given.source).name,
        captioner=given.captioner,
        places=places,
        captions=captions,
        pictures=[frames[place].numpy() for place in places],
        rewards=rewards,
        paid_by=paid_by,
    )
    for one in report.spells:
        paid = "" if one.reward is None else f"  reward {one.reward:.3f}"
        print(f"frame {one.first:>5}{paid}  {one.caption}")
    report.save(out)
    print(f"wrote {out}")
    return 0


def _of_run(given: Caption) -> tuple[Frames, np.ndarray | None, str]:
    """An episode of the run's agent, and what it was paid."""
    if given.reward:
        raise SpecError("a run has its own reward. Leave --reward out.")
    film = film_of_run(given.source)
    return as_frames(np.stack(film.frames)), np.array(film.rewards), film.title


def _of_video(given: Caption) -> tuple[Frames, np.ndarray | None, str]:
    path = Path(given.source)
    if path.suffix.lower() not in VIDEOS:
        raise FrameError(f"{path} is neither a run's folder nor a video ({', '.join(sorted(VIDEOS))}).")
    frames = torch.cat([batch.frames for batch in read_frames(path)])
    if not given.reward:
        return frames, None, ""
    reward = RewardModel.from_spec(named_spec(given.reward), device=given.device)
    return frames, reward.score(frames).numpy(), given.reward
