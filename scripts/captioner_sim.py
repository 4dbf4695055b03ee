"""What `sim-cap` is trained on: pictures of the simulated scenes, and what is true of the state of each."""

from dataclasses import dataclass

import numpy as np
import torch
from captioner_scenes import Shown
from vlmrm_envs.scene_captions import TRUE, caption_truths, scene_captions, state_captions
from vlmrm_envs.scenes import SCENES, find_scene
from vlmrm_envs.scenes.scene import SceneStates, random_pictures

from vlmrm.frames.preprocessing import Preprocessing
from vlmrm.rlcf.captions import PrefixCaptioner
from vlmrm.types import Frames

_AT_ONCE = 250  # pictures seen together
_LOOKS, _OF_EACH = 25, 8  # of each scene it is measured on; what is drawn in one go shares looks and cameras


@dataclass(frozen=True)
class StateCaptions:
    """The captions of states."""

    texts: list[str]
    """One for each picture."""

    def sentence(self, place: int, rng: np.random.Generator) -> str:
        """The caption."""
        return self.texts[place]


@dataclass(frozen=True)
class Sim:
    """The simulated scenes, as the model `sim-m` knows them."""

    size_px: int = 128
    """Side of the square pictures."""

    @property
    def description(self) -> str:
        """What a captioner of them is."""
        return "A small captioner of the simulated scenes, trained by vlmrm, that says one thing of what they show."

    def draw(self, count: int, seed: int) -> Shown:
        """Pictures of all scenes, more of those that have more to tell apart."""
        shares = {name: find_scene(name).share for name in SCENES}
        each = count // sum(shares.values())
        frames, states = zip(*(self._of(name, each * share, seed) for name, share in shares.items()), strict=True)
        texts = [caption.text for part in states for caption in state_captions(part)]
        return Shown((batch for part in frames for batch in part.split(_AT_ONCE)), StateCaptions(texts))

    def any_sentence(self, rng: np.random.Generator) -> str:
        """A caption of any scene."""
        captions = scene_captions(str(rng.choice(list(SCENES))))
        return captions[int(rng.integers(len(captions)))].text

    def every_word(self) -> list[str]:
        """All captions of all scenes."""
        return [caption.text for name in SCENES for caption in scene_captions(name)]

    def measure(self, captioner: PrefixCaptioner, seed: int) -> dict[str, float]:
        """How true greedy captions are of their own picture and of others; as many pictures of each scene."""
        said: list[str] = []
        states: list[SceneStates] = []
        for name in SCENES:
            for look in range(_LOOKS):
                frames, part = self._of(name, _OF_EACH, 1_000 * seed + look)
                said += captioner.caption(frames)
                states.append(part)
        true = caption_truths(said, states) > TRUE  # of picture i what is said of picture j
        own, known = true.diagonal(), set(self.every_word())
        scenes = np.arange(len(said)).reshape(-1, _LOOKS * _OF_EACH)
        among = [true[np.ix_(scene, scene)] for scene in scenes]
        shares = {
            "true": own,
            "true_of_another_picture_of_the_scene": [np.roll(block, 1, axis=0).diagonal() for block in among],
            "true_of_another_picture_of_any_scene": true[~np.eye(len(said), dtype=bool)],
            "pictures_of_the_scene_that_a_caption_is_true_of": among,
            "in_the_grammar": [text in known for text in said],
            **{f"true_in_{name}": own[scene] for name, scene in zip(SCENES, scenes, strict=True)},
        }
        return {what: round(float(np.mean(values)), 4) for what, values in shares.items()}

    def _of(self, name: str, count: int, seed: int) -> tuple[Frames, SceneStates]:
        square = Preprocessing(size_px=self.size_px, mean=(0.5,) * 3, std=(0.5,) * 3, resize_mode="squash")
        frames, states = random_pictures(find_scene(name), count, seed=seed, preprocessing=square)
        return torch.from_numpy(frames), states
