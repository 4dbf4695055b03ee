"""`label`: a page on which a person labels frames with one key each."""

import logging
import signal
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread, current_thread, main_thread

from vlmrm.errors import SpecError
from vlmrm.labelling.label_file import LabelFile
from vlmrm.labelling.server import LabelServer
from vlmrm.labelling.session import LabellingSession
from vlmrm.labelling.stored_frames import Progress, StoredFrames, store_frames, with_disagreement
from vlmrm.labelling.summary import LabelSummary, summarise
from vlmrm.rewards.model import RewardModel
from vlmrm.values import require_number

_LOG = logging.getLogger(__name__)
_NAMED = 3  # of the labels that are of no frame


@dataclass(frozen=True, kw_only=True)
class LabelOptions:
    """How frames are labelled.

    Raises:
        SpecError: If `threshold` is not a finite number.
    """

    rater: str = ""
    """Name of the person who labels. Several people may label the same frames in one file, and none of them sees what
    the others said. Empty: labels without a name."""
    in_order: bool = False
    """Show the frames as they were given. Default: the most informative first."""
    open_browser: bool = True
    """Open the page in the browser. Its address is told in any case."""
    threshold: float | None = None
    """Score that should tell goal frames from others; frames near it come early. Default: that of the reward, or the
    score that splits the scores into two groups best."""

    def __post_init__(self) -> None:
        if self.threshold is not None:
            require_number("threshold", self.threshold)


def label(
    paths: Sequence[str | Path],
    labels_csv: str | Path,
    options: LabelOptions | None = None,
    *,
    reward: RewardModel | None = None,
    tell: Callable[[str], None] = _LOG.info,
    progress: Progress | None = None,
) -> LabelSummary:
    """Let a person label frames on a local page, until they press Done there or Ctrl-C here.

    Every answer is saved at once, and labelling goes on where it was when it is started again. Frames are called as
    `LabelTable` says, relative to the one folder given or to the deepest that holds all `paths`.

    Args:
        paths: Pictures, folders of pictures, videos and ``.npy`` files.
        labels_csv: File of the labels, a `LabelTable`; it is made if there is none. Labels of other raters and of
            other frames stay in it.
        options: Rater, order and browser. None: as `LabelOptions` has them.
        reward: Decides which frames are worth a look; see `most_informative`. None: frames that look unlike come
            first.
        tell: Told the address of the page, and which labels in the file are of none of the frames.
        progress: Told how many frames have been read.

    Returns:
        What has been labelled, and how far raters agree.

    Raises:
        FrameError: If there are no frames, or one cannot be read.
        SpecError: If there is a threshold and no reward.
        VlmrmError: If the file of labels cannot be read or written, or no port can be opened.
    """
    options = options or LabelOptions()
    if options.threshold is not None and reward is None:
        raise SpecError(
            f"threshold={options.threshold} is one of scores, and there is no reward. Give one, or no threshold."
        )
    file = LabelFile(Path(labels_csv), options.rater)
    file.require_writable()
    with TemporaryDirectory(prefix="vlmrm-label-") as folder:
        scorer = None if reward is None or options.in_order else with_disagreement(reward)
        stored = store_frames(paths, Path(folder), reward=scorer, progress=progress)
        frames = replace(stored, names=[file.spellings.get(name, name) for name in stored.names])
        file.require_room_for(frames.names)
        _tell_of_strangers(file, frames, tell)
        threshold = reward.spec.threshold if reward is not None and options.threshold is None else options.threshold
        session = LabellingSession(frames, file, threshold=threshold, in_order=options.in_order)
        with LabelServer(session, _about(options, file, reward), lambda: str(summarise(session))) as server:
            tell(f"Label frames at {server.url} (Done there, or Ctrl-C here, ends it).")
            _serve(server, open_browser=options.open_browser)
        return summarise(session)


def _serve(server: LabelServer, *, open_browser: bool) -> None:
    if open_browser:  # in a thread, since a browser in the terminal would wait for the page, and the page for it
        Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
    try:
        with _ends_like_ctrl_c():
            server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        pass
    finally:
        server.session.close()


@contextmanager
def _ends_like_ctrl_c() -> Iterator[None]:
    """Let a closed terminal and ``kill`` end the page as Ctrl-C does, or the pictures would stay on the disk."""
    if current_thread() is not main_thread():  # the only one that may say what signals do
        yield
        return
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGHUP, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _about(options: LabelOptions, file: LabelFile, reward: RewardModel | None) -> dict[str, str]:
    prompts = None if reward is None else reward.spec.prompts
    question = "Does this frame show the goal?" if prompts is None else f"Does this frame show “{prompts.goal[0]}”?"
    return {"question": question, "rater": options.rater, "file": file.path.name}


def _tell_of_strangers(file: LabelFile, frames: StoredFrames, tell: Callable[[str], None]) -> None:
    known = set(frames.names)
    strangers = list(dict.fromkeys(label.frame for label in file.table.labels if label.frame not in known))
    if strangers:
        named = ", ".join(strangers[:_NAMED]) + (" and others" if len(strangers) > _NAMED else "")
        tell(f"{file.path} labels {len(strangers)} frames that are not among these: {named}. They stay in it.")
