"""What raises the reward of a task, and what has no concepts."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import vlmrm_envs as envs

from tests.report.test_evaluation import reds
from tests.toys import ColourEncoder, random_colours, red_function, red_reward, red_spec
from vlmrm.data import LabelledFrames, Scores, TaskStates
from vlmrm.errors import EncoderError, FrameError, SpecError
from vlmrm.report import evaluate
from vlmrm.report.concepts import AutoencoderOptions, find_concepts
from vlmrm.rewards import RewardModel

TASK = envs.task("cartpole/upright")
SMALL = AutoencoderOptions(latents=4, active=1, steps=60)


@pytest.fixture(scope="module")
def found():
    spec = replace(TASK.reward, encoder="sim-xs")
    options = AutoencoderOptions(latents=16, steps=300)
    return find_concepts(spec, TaskStates(task=TASK, n=160), options=options, second="sim-s")


@pytest.fixture(scope="module")
def report():
    return evaluate(red_reward(), reds([0.9, 0.8, 0.2, 0.1], [True, True, False, False]), controls=False)


def colours(count=80):
    """Frames of random colours, of which those with more red show the goal."""
    frames = random_colours(count)
    shares = frames[:, 0, 0, 0].numpy()
    names = [f"frame {i}" for i in range(count)]
    return LabelledFrames(frames=frames, in_goal=shares > np.median(shares), names=names)


def test_what_raises_the_reward_most_is_what_goal_frames_show(found):
    first = found.raising[0]
    assert first.goal_share > 0.9
    assert first.other_share < 0.5
    assert first.effect.low > 0.02
    assert first.monosemanticity > found.monosemantic.by_chance + 0.1
    assert first.found_again > 0.7
    assert not first.pays_elsewhere


def test_what_lowers_it_most_is_no_goal(found):
    assert found.lowering[0].goal_share < 0.1
    assert found.lowering[0].effect.high < 0
    assert all(not frame.in_goal for frame in found.lowering[0].frames)


def test_few_latents_stand_for_what_the_reward_sees(found):
    assert found.explained > 0.9
    assert found.score_correlation > 0.98
    assert len(found.concepts) + found.dead + found.rare == 16


def test_frames_are_those_where_it_is_most_active(found):
    first = found.raising[0]
    shown = [frame.activation for frame in first.frames]
    assert shown[0] == pytest.approx(first.activation.max())
    assert min(shown) >= np.sort(first.activation)[-24]  # of the 24 best, one of each group first
    assert len(shown) == len(set(shown)) == 6


def test_another_encoder_says_what_looks_alike(found):
    told = found.monosemantic
    assert (told.encoder, told.is_second) == ("sim-s", True)
    assert told.concepts > told.dimensions > told.by_chance


def test_a_report_has_them_as_a_section_and_in_its_json(found, report, tmp_path):
    path = report.with_section(found.section()).save(tmp_path / "page.html")
    page, numbers = path.read_text(), json.loads(path.with_suffix(".json").read_text())
    assert [one["number"] for one in numbers["concepts"]["concepts"]] == [one.number for one in found.concepts]
    assert numbers["concepts"]["headline"] == found.headline
    assert 'id="concepts"' in page
    assert "What raises it" in page
    assert page.count('class="pictured"') == min(4, len(found.raising)) + min(4, len(found.lowering))


def test_words_of_concepts_are_escaped_on_the_page(found, report):
    evil = replace(found, remarks=["<script>x</script>"], reward="<b>")
    html = report.with_section(evil.section()).html()
    assert "&lt;script&gt;x" in html
    assert "<script>x" not in html
    assert "raises &lt;b&gt;" in html


def test_the_table_has_a_line_for_each(found):
    lines = found.table().splitlines()
    assert len(lines) == 1 + len(found.concepts)
    assert lines[1].split()[0] == str(found.concepts[0].number)


def test_a_concept_that_is_active_elsewhere_is_named_as_such(found, report):
    first = found.raising[0]
    turned = replace(first, goal_share=0.1, other_share=0.4)
    assert turned.pays_elsewhere
    page = report.with_section(replace(found, concepts=[turned]).section()).html()
    assert "may be what an agent is paid for instead" in page


def test_without_a_second_model_the_rewards_own_says_what_looks_alike():
    found = find_concepts(red_reward(), colours(), options=SMALL)
    assert (found.monosemantic.encoder, found.monosemantic.is_second) == ("colour", False)


def test_an_encoder_that_embeds_no_texts_leaves_concepts_without_names():
    class Mute(ColourEncoder):
        def embed_texts(self, texts):
            if texts != ["red"]:
                raise EncoderError("no text tower")
            return super().embed_texts(texts)

    found = find_concepts(RewardModel(Mute(), red_spec()), colours(), options=SMALL)
    assert {one.name for one in found.concepts} == {None}
    assert "could not be embedded: no text tower" in found.remarks[0]
    assert all(one.nearest == () for one in found.concepts)


@pytest.mark.parametrize(
    ("reward", "said"),
    [
        (red_function(), "red has no embeddings of single frames"),
        (Scores(name="theirs", by_key={"frame 0": 1.0}), "theirs is a table of scores"),
        (red_reward(views={"scales": [1.0, 0.5]}), "colour also reads crops of each frame"),
        (red_reward(threshold=-1.0), "gives all 80 frames the same score"),
    ],
)
def test_a_reward_that_is_not_made_of_one_embedding_is_refused_with_the_reason(reward, said):
    with pytest.raises(SpecError, match=said):
        find_concepts(reward, colours(), options=SMALL)


def test_too_few_frames_and_frames_of_one_embedding_are_refused():
    with pytest.raises(FrameError, match="32 latents need at least 128 frames"):
        find_concepts(red_reward(), colours())
    one = LabelledFrames(
        frames=torch.full((40, 8, 8, 3), 9, dtype=torch.uint8), in_goal=np.arange(40) < 20, names=[""] * 40
    )
    with pytest.raises((FrameError, SpecError), match="the same"):
        find_concepts(red_reward(), one, options=SMALL)


def test_one_sentence_alone_is_refused():
    with pytest.raises(SpecError, match="at least 2 different sentences"):
        find_concepts(red_reward(), colours(), options=SMALL, sentences=["a red car"])
