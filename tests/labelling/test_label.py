import time

import imageio.v2 as imageio
import numpy as np
import pytest
from PIL import Image

from tests.labelling.pages import ask, said, serve
from vlmrm.data.labelled_files import LabelledFolder
from vlmrm.errors import FrameError, SpecError
from vlmrm.labelling import LabelOptions, label


def test_each_answer_is_in_the_file_before_the_next(frames, labels_csv):
    with serve([frames], labels_csv, in_order=True) as page:
        assert page.label_next(True) == "0.png"
        assert said(labels_csv) == {"0.png": True}
        assert page.label_next(False) == "1.png"
        assert said(labels_csv) == {"0.png": True, "1.png": False}
        assert page.state()["progress"] == "2 of 6 labelled, 1 goal / 1 not"


def test_the_file_is_what_labelled_folder_reads(frames, labels_csv):
    with serve([frames], labels_csv, rater="anna") as page:
        for number in range(6):
            page.answer(number, number > 3)
    source = LabelledFolder(frames=frames, labels=labels_csv)
    (batch,) = source.batches()
    assert batch.in_goal.tolist() == [False, False, False, False, True, True]
    assert "anna" in source.about


def test_names_are_relative_to_the_folder_that_holds_all(frames, tmp_path, labels_csv):
    (tmp_path / "more").mkdir()
    np.save(tmp_path / "more" / "two.npy", np.zeros((2, 8, 8, 3), np.uint8))
    with serve([frames / "0.png", tmp_path / "more" / "two.npy"], labels_csv, in_order=True) as page:
        shown = [one["name"] for one in page.state()["upcoming"]]
    assert shown == ["frames/0.png", "more/two.npy#0", "more/two.npy#1"]


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # imageio-ffmpeg's pipes
def test_frames_of_a_video_are_labelled_by_number(tmp_path, labels_csv):
    video = tmp_path / "two.mp4"
    with imageio.get_writer(video, fps=5, macro_block_size=1) as writer:
        for grey in (0, 128, 255):
            writer.append_data(np.full((32, 32, 3), grey, np.uint8))
    with serve([video], labels_csv, in_order=True) as page:
        assert page.label_next(True) == "two.mp4#0"
        assert page.state()["total"] == 3
    assert LabelledFolder(frames=video, labels=labels_csv).count == 1


def test_a_frame_that_is_named_twice_is_one_frame(frames, labels_csv):
    with serve([frames, frames / "0.png", frames], labels_csv) as page:
        assert page.state()["total"] == 6


def test_large_pictures_are_shown_small(tmp_path, labels_csv):
    Image.new("RGB", (2000, 1000)).save(tmp_path / "large.png")
    with serve([tmp_path / "large.png"], labels_csv) as page:
        body = ask(page.url + "picture/0").body
    (tmp_path / "shown.jpg").write_bytes(body)
    with Image.open(tmp_path / "shown.jpg") as shown:
        assert shown.size == (512, 256)


def test_undo_takes_back_one_answer_after_the_other(frames, labels_csv):
    with serve([frames], labels_csv, in_order=True) as page:
        assert page.state()["can_undo"] is False
        page.label_next(True)
        page.label_next(False)
        assert page.undo().json["upcoming"][0]["name"] == "1.png"
        assert said(labels_csv) == {"0.png": True}
        state = page.undo().json
        assert (state["upcoming"][0]["name"], state["can_undo"]) == ("0.png", False)
        assert said(labels_csv) == {}
        assert page.undo().status == 200  # of nothing, which changes nothing


def test_undo_of_an_answer_to_a_labelled_frame_gives_it_its_label_back(frames, labels_csv):
    with serve([frames], labels_csv) as page:
        page.answer(2, True)
        page.answer(2, False)
        page.undo()
    assert said(labels_csv) == {"2.png": True}


def test_skipped_frames_come_again_after_all_others(frames, labels_csv):
    with serve([frames], labels_csv, in_order=True) as page:
        page.label_next(None)
        assert page.state()["progress"] == "0 of 6 labelled, 0 goal / 0 not, 1 skipped"
        shown = [page.label_next(True) for _ in range(6)]
        assert shown == ["1.png", "2.png", "3.png", "4.png", "5.png", "0.png"]
        assert page.state()["upcoming"] == []
    assert said(labels_csv)["0.png"] is True


def test_undo_of_a_skip_shows_the_frame_again(frames, labels_csv):
    with serve([frames], labels_csv, in_order=True) as page:
        page.label_next(None)
        state = page.undo().json
        assert state["upcoming"][0]["name"] == "0.png"
        assert state["progress"] == "0 of 6 labelled, 0 goal / 0 not"
    assert not labels_csv.exists()


def test_it_goes_on_where_it_was(frames, labels_csv):
    with serve([frames], labels_csv, in_order=True) as page:
        page.label_next(True)
        page.label_next(False)
    with serve([frames], labels_csv, in_order=True) as page:
        assert page.state()["progress"] == "2 of 6 labelled, 1 goal / 1 not"
        assert page.current()["name"] == "2.png"
        assert page.state()["can_undo"] is False


def test_the_order_without_a_reward_is_by_look(frames, labels_csv):
    """Black comes first, then the reddest, then the one in the middle."""
    with serve([frames], labels_csv) as page:
        shown = [one["name"] for one in page.state()["upcoming"]]
    assert shown[:3] == ["0.png", "5.png", "2.png"]


def test_with_a_reward_frames_near_the_threshold_come_first(frames, labels_csv, red_reward):
    """The reward is the share of red: 0, 50, ..., 250 of 255. At first all are equally unlike nothing."""
    with serve([frames], labels_csv, reward=red_reward, threshold=0.4) as page:
        state = page.state()
    assert state["upcoming"][0]["name"] == "2.png"
    assert state["question"] == "Does this frame show “red”?"


def test_the_threshold_is_the_rewards_own(frames, labels_csv):
    from tests.toys import red_reward

    with serve([frames], labels_csv, reward=red_reward(threshold=0.8)) as page:
        assert page.current()["name"] == "4.png"


def test_the_order_is_the_same_each_time_and_for_each_rater(frames, labels_csv, red_reward):
    shown = []
    for rater in ("anna", "ben"):
        with serve([frames], labels_csv, rater=rater, reward=red_reward) as page:
            shown.append([page.label_next(rater == "anna") for _ in range(6)])
    assert shown[0] == shown[1]


def test_the_order_is_made_anew_after_some_labels(tmp_path, labels_csv):
    """40 frames in two colours; answers out of order change what is unlike."""
    folder = tmp_path / "grey"
    folder.mkdir()
    for number in range(40):
        Image.new("L", (8, 8), number * 6).save(folder / f"{number}.png")
    with serve([folder], labels_csv) as page:
        ahead = [one["name"] for one in page.state()["upcoming"]]
        for number in range(8):
            page.answer(30 + number, True)
        later = [page.label_next(True) for _ in range(7)]
    assert later[:3] == [name for name in ahead if name not in {f"{30 + n}.png" for n in range(8)}][:3]
    assert not set(later) & {f"{30 + number}.png" for number in range(8)}


def test_a_second_rater_sees_nothing_of_the_first(frames, labels_csv):
    with serve([frames], labels_csv, rater="anna") as page:
        for number in range(6):
            page.answer(number, number > 2)
    with serve([frames], labels_csv, rater="ben") as page:
        state = page.state()
        assert state["progress"] == "0 of 6 labelled, 0 goal / 0 not"
        assert "anna" not in str(state)
    assert said(labels_csv, "anna") == {f"{number}.png": number > 2 for number in range(6)}


def test_the_summary_has_cohens_kappa_of_two_raters(frames, labels_csv):
    """Four frames in common, three alike. Each takes half and a quarter for goals: c = 0.5, kappa = 0.25 / 0.5."""
    with serve([frames], labels_csv, rater="anna") as page:
        for number, in_goal in enumerate((True, True, False, False, True)):
            page.answer(number, in_goal)
        text, summary = page.done()
        assert summary.agreements == []
        assert text == f"5 of 6 labelled, 3 goal / 2 not by anna, in {labels_csv}."
    with serve([frames], labels_csv, rater="ben") as page:
        for number, in_goal in enumerate((True, False, False, False)):
            page.answer(number, in_goal)
        text, summary = page.done()
    assert text == str(summary)
    assert text.splitlines() == [
        f"4 of 6 labelled, 1 goal / 3 not by ben, in {labels_csv}.",
        "ben and anna agree on 75% of 4 frames that both have labelled; Cohen's kappa 0.50.",
    ]


def test_kappa_of_raters_who_only_say_yes_is_not_defined(frames, labels_csv):
    for rater in ("", "ben"):
        with serve([frames], labels_csv, rater=rater) as page:
            page.answer(0, True)
            text, _ = page.done()
    assert text.splitlines()[1] == (
        "ben and a rater without a name agree on 100% of 1 frame that both have labelled; Cohen's kappa is not "
        "defined, since all have one label."
    )


def test_no_frames_are_refused(tmp_path, labels_csv):
    with pytest.raises(FrameError, match="no frames were given"):
        label([], labels_csv)
    with pytest.raises(FrameError, match="there is no file or folder"):
        label([tmp_path / "gone"], labels_csv)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FrameError, match="holds no picture"):
        label([tmp_path / "empty"], labels_csv)


def test_the_browser_is_opened_on_request_only(frames, labels_csv, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    with serve([frames], labels_csv):
        pass
    assert opened == []
    with serve([frames], labels_csv, open_browser=True) as page:
        deadline = time.monotonic() + 5
        while not opened and time.monotonic() < deadline:
            time.sleep(0.01)
    assert opened == [page.url]


def test_when_all_are_labelled_there_is_nothing_to_show(frames, labels_csv):
    for labelled in (0, 6):
        with serve([frames], labels_csv) as page:
            assert page.state()["labelled"] == labelled
            for number in range(6 - labelled):
                page.answer(number, True)
            assert page.state()["upcoming"] == []


def test_a_threshold_that_is_no_number_is_refused():
    with pytest.raises(SpecError, match="threshold must be a number; got nan"):
        LabelOptions(threshold=float("nan"))


def test_a_threshold_without_a_reward_is_refused(frames, labels_csv):
    with pytest.raises(SpecError, match="there is no reward"):
        label([frames], labels_csv, LabelOptions(threshold=0.5))


def test_in_the_order_given_no_frame_is_embedded(frames, labels_csv, red_reward):
    with serve([frames], labels_csv, reward=red_reward, in_order=True) as page:
        assert page.state()["question"] == "Does this frame show “red”?"
    assert red_reward.encoder.batches == []
