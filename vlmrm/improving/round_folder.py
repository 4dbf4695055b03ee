"""`RoundFolder`: the files of one round, each of which is there as a whole or not at all."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from vlmrm.atomic import whole_file, whole_folder, write_json
from vlmrm.data.label_table import Label, LabelTable
from vlmrm.errors import RunError
from vlmrm.improving.correcting import Correction, Labelled, digest_of, keep_aside
from vlmrm.improving.proposing import Picture, Proposed
from vlmrm.improving.round_labels import read_labels_of, set_aside
from vlmrm.plain_files import read_json
from vlmrm.training.outcome import Summary
from vlmrm.training.run.directory import RunDirectory
from vlmrm.types import Frames


class RoundFolder:
    """The files of one round.

    - ``frames/``: the frames to label. ``captured.npz``: the same as the reward sees them. ``frames.json``: where each
      is from, its score and the simulator's state; written last of these.
    - ``labels.csv``: a `LabelTable`.
    - ``correction.json``: see `Correction`. ``reward.json``: the corrected reward, unless it was refused.
      ``encoder/``: its tuned encoder.
    - ``run/``: the training on it; see `RunDirectory`. ``trained_on.json``: see `TrainedOn`.

    Args:
        path: The folder.
        number: Number of the round, from 1.
    """

    def __init__(self, path: Path, number: int) -> None:
        self.path, self.number = path, number
        self.frames, self.captured, self.origins = path / "frames", path / "captured.npz", path / "frames.json"
        self.labels, self.correction, self.reward = path / "labels.csv", path / "correction.json", path / "reward.json"
        self.encoder, self.run, self.trained_on = path / "encoder", path / "run", path / "trained_on.json"

    @property
    def name(self) -> str:
        """What messages call the round."""
        return f"round {self.number}"

    @property
    def is_proposed(self) -> bool:
        """Whether frames to label are there."""
        return self.origins.exists()

    def require_not_fitted(self) -> None:
        """Refuse to propose other frames beside what was made of those that there were.

        Raises:
            RunError: The round was fitted or trained on.
        """
        if self.reward.exists() or self.run.exists():
            raise RunError(
                f"{self.name} was fitted, and {self.origins}, which says what its frames are, is missing. Put it back; "
                f"or move {self.path} and the folders of later rounds away, and the round begins anew."
            )

    def write_proposed(self, proposed: Proposed, *, rater: str | None = None) -> None:
        """Store frames to label; labels that lie there are of other frames, and are set aside.

        Args:
            proposed: The frames.
            rater: Name of the oracle in the table, to store its labels as well. None: a person labels.
        """
        former, remarks = set_aside(self.labels), list(proposed.remarks)
        if former is not None:
            remarks.append(f"Labels that lay there are of other frames. They do not count, and are {former} now.")
        self.correction.unlink(missing_ok=True)  # of other frames as well
        if rater is not None:
            self._write_labels(proposed, rater)
        labelled, names = proposed.labelled, [f"{row:03d}.png" for row in range(len(proposed.pictures))]
        self.path.mkdir(parents=True, exist_ok=True)
        with whole_folder(self.frames) as folder:
            for name, picture in zip(names, proposed.pictures, strict=True):
                Image.fromarray(picture).save(folder / name)
        with whole_file(self.captured) as unfinished:
            np.savez(unfinished, frames=labelled.frames.numpy())
        rows = [
            {
                "frame": name,
                "from": labelled.names[row],
                "score": float(proposed.scores[row]),
                "state": {variable: float(values[row]) for variable, values in labelled.states.items()},
            }
            for row, name in enumerate(names)
        ]
        write_json(self.origins, {"frames": rows, "remarks": remarks})

    def _write_labels(self, proposed: Proposed, rater: str) -> None:
        table = LabelTable(
            labels=tuple(
                Label(frame=f"{row:03d}.png", in_goal=bool(in_goal), rater=rater)
                for row, in_goal in enumerate(proposed.labelled.in_goal)
            )
        )
        table.write(self.labels)

    def read_origins(self) -> dict[str, Any]:
        """Return ``frames.json``: the rows of the frames, and remarks.

        Raises:
            RunError: It is missing or damaged.
        """
        values: dict[str, Any] = _json(self.origins)
        return values

    def read_names(self) -> list[str]:
        """Return the names of the files of the frames.

        Raises:
            RunError: ``frames.json`` is missing or damaged.
        """
        return [row["frame"] for row in self.read_origins()["frames"]]

    def read_labelled(self, share: float, seed: int) -> Labelled | None:
        """Return the frames on which nobody disagrees, some kept aside. None: nothing is labelled yet.

        Args:
            share: Share of the labels of each kind that is kept aside.
            seed: Random seed of the choice.

        Raises:
            FrameError: The table of labels cannot be read, or a row of it names no frame of the round.
            RunError: The frames are damaged.
        """
        known, names = self.read_labels(), self.read_names()
        rows = [row for row, name in enumerate(names) if name in known]
        if not rows:
            return None
        in_goal = np.array([known[names[row]] for row in rows])
        chosen = [names[row] for row in rows]
        return Labelled(
            frames=torch.from_numpy(self._captured()[rows]),
            names=chosen,
            in_goal=in_goal,
            kept_aside=self._kept_aside(chosen, in_goal, share, seed),
        )

    def _kept_aside(self, names: Sequence[str], in_goal: NDArray[Any], share: float, seed: int) -> NDArray[Any]:
        """As it was for labels that a reward has been fitted to or judged by; of later ones a share as well."""
        fitted = self.read_correction() if self.reward.exists() else None
        known = {} if fitted is None else {one.frame: one.kept_aside for one in fitted.frames}
        later = np.array([name not in known for name in names])
        aside = np.array([known.get(name, False) for name in names])
        aside[later] = keep_aside(in_goal[later], share, seed)
        return aside

    def read_labels(self) -> Mapping[str, bool]:
        """Return the labels on which nobody disagrees, by the frame's name; empty: there are none yet.

        Raises:
            FrameError: The table of labels cannot be read, or a row of it names no frame of the round.
        """
        return {label.frame: label.in_goal for label in self._read_table().agreed().labels}

    def read_disputed(self) -> tuple[str, ...]:
        """Return the names of the frames on which raters disagree.

        Raises:
            FrameError: The table of labels cannot be read, or a row of it names no frame of the round.
        """
        return self._read_table().disputed

    def _read_table(self) -> LabelTable:
        if not self.labels.exists():
            return LabelTable()
        return read_labels_of(self.labels, self.frames, self.read_names(), where=self.name)

    def read_picture(self, name: str) -> Picture:
        """Return one of the frames as large as it was drawn; as the reward sees it where its file is gone or damaged.

        Args:
            name: Name of its file.

        Raises:
            RunError: The frames as the reward sees them are damaged as well.
        """
        try:
            with Image.open(self.frames / name) as opened:
                return np.asarray(opened.convert("RGB"))
        except OSError:
            return np.asarray(self._captured()[self.read_names().index(name)])

    def read_correction(self) -> Correction | None:
        """Return what was fitted. None: nothing yet.

        Raises:
            RunError: The file is damaged.
        """
        return Correction.from_dict(_json(self.correction)) if self.correction.exists() else None

    def what_changed(self, labelled: Sequence[Labelled], method: str) -> str:
        """Return what the reward of the round was fitted to or by that is not so now. Empty: nothing has changed.

        Args:
            labelled: Labelled frames of this round and those before it, as they are now.
            method: Method that is asked for now.

        Raises:
            RunError: A file is damaged.
        """
        fitted = self.read_correction()
        if fitted is None:
            return ""
        changed = ["to other labels"] if fitted.labels not in ("", digest_of(labelled)) else []
        changed += [f"by {fitted.method}, not {method}"] if fitted.method != method else []
        if not changed:
            return ""
        return (
            f"It was fitted {' and '.join(changed)}, and stays as it is. To fit it anew, delete {self.reward} and "
            f"{self.run}, and the same of later rounds."
        )

    def read_trained_on(self) -> dict[str, Any]:
        """Return ``trained_on.json``; empty: there is none, as of earlier versions.

        Raises:
            RunError: The file is damaged.
        """
        values: dict[str, Any] = _json(self.trained_on) if self.trained_on.exists() else {}
        return values

    def read_summary(self) -> Summary | None:
        """Return the results of the training. None: it has not finished.

        Raises:
            RunError: The file is damaged.
        """
        return read_summary(self.run)

    def read_captured(self) -> Frames:
        """Return all frames of the round, labelled or not, as the reward sees them.

        Raises:
            RunError: The file is damaged.
        """
        return torch.from_numpy(self._captured())

    def _captured(self) -> Any:
        try:
            with np.load(self.captured, allow_pickle=False) as arrays:
                return arrays["frames"]
        except (OSError, ValueError, KeyError) as error:
            raise RunError(f"{self.captured} is damaged: {error}. Move {self.path} away, and begin it anew.") from error


def read_summary(run: Path) -> Summary | None:
    """Return the results of a run. None: it has not finished.

    Args:
        run: The run's folder.

    Raises:
        RunError: The file is damaged.
    """
    directory = RunDirectory(run)
    return Summary.from_dict(RunDirectory.read_json(directory.summary)) if directory.summary.exists() else None


def _json(path: Path) -> Any:
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is missing or damaged: {error}") from error
