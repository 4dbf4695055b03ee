import numpy as np
import pytest
import torch

from vlmrm.errors import FrameError
from vlmrm.frames import as_frames

FRAME = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


@pytest.mark.parametrize(
    "pictures",
    [FRAME, FRAME[None], [FRAME], (FRAME,), torch.from_numpy(FRAME), [torch.from_numpy(FRAME)], FRAME.tolist()],
)
def test_one_frame_in_any_form_becomes_a_batch_of_one(pictures):
    if isinstance(pictures, list) and isinstance(pictures[0], list):
        pictures = np.array(pictures, np.uint8)
    frames = as_frames(pictures)
    assert frames.shape == (1, 4, 6, 3)
    assert frames.dtype == torch.uint8
    assert np.array_equal(frames[0].numpy(), FRAME)


def test_the_order_of_a_batch_is_kept():
    assert as_frames([FRAME, FRAME[::-1]])[1, 0, 0].tolist() == FRAME[-1, 0].tolist()


def test_an_array_is_not_copied_where_it_need_not_be():
    batch = FRAME[None].copy()
    assert as_frames(batch).data_ptr() == batch.ctypes.data


def test_read_only_and_reversed_memory_is_copied():
    flipped = FRAME[::-1]
    locked = FRAME.copy()
    locked.flags.writeable = False
    for picture in (flipped, locked):
        assert np.array_equal(as_frames(picture)[0].numpy(), picture)
        assert as_frames(picture).data_ptr() != picture.ctypes.data


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (None, 'render_mode="rgb_array"'),
        (FRAME / 255, r"got float64 of shape \(4, 6, 3\), from 0 to 0\.278431\. For floats in 0\.\.1 use .*\* 255"),
        (FRAME / 127.5 - 1, r"from -1 to .* For floats in -1\.\.1 use \(\(frames \+ 1\) \* 127\.5\)"),
        (FRAME.astype(np.float32), r"For numbers in 0\.\.255 use frames\.astype\('uint8'\)"),
        (FRAME.astype(np.int64), r"got int64.* For numbers in 0\.\.255 use"),
        (FRAME * np.uint16(900), r"from 0 to 63900\. Bring them to 0\.\.255"),
        (FRAME > 9, r"got bool .*astype\('uint8'\) \* 255"),
        (FRAME[..., 0], r"\(4, 6\)\. For a grey picture use np\.repeat\(frame\[\.\.\., None\], 3, axis=-1\)"),
        (FRAME[..., :1], r"got \(4, 6, 1\)\. For grey pictures use np\.repeat\(frames, 3, axis=-1\)"),
        (np.zeros((4, 6, 4), np.uint8), r"got \(4, 6, 4\)\. For RGBA use frames\[\.\.\., :3\]"),
        (np.zeros((3, 4, 6), np.uint8), r"got \(3, 4, 6\)\. For channels first use np\.moveaxis\(frames, 0, -1\)"),
        (np.zeros((1, 3, 4, 6), np.uint8), r"got \(1, 3, 4, 6\)\. For channels first use .*frames, 1, -1\)"),
        (np.zeros((4, 6, 5), np.uint8), r"got \(4, 6, 5\)\.$"),
        (np.zeros((0, 4, 6, 3), np.uint8), "empty"),
        (np.zeros((4, 0, 3), np.uint8), "empty"),
        ([], "empty sequence"),
        ([FRAME, FRAME, FRAME[:2]], r"one size; got \(4, 6, 3\) \(number 0\), \(2, 6, 3\) \(number 2\)\. CaptureFrame"),
        ("a picture", "uint8"),
    ],
)
def test_what_is_no_batch_of_rgb_frames_is_refused_with_the_remedy(pictures, message):
    with pytest.raises(FrameError, match=message):
        as_frames(pictures)
