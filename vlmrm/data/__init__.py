"""Where frames come from besides a running environment.

- `read_frames`: pictures, folders of pictures, videos and ``.npy`` arrays.
"""

from vlmrm.data.frame_files import FrameBatch, read_frames

__all__ = ["FrameBatch", "read_frames"]
