"""Which OpenGL context is current in this thread, by whichever binding it was made: EGL itself is asked.

- `put_back`: whatever is made current inside, the context of before is current again afterwards.
- `current`, `make_current`: reads and sets it.
- `inherited_gl`: whether this process was forked from one that had drawn, which OpenGL does not survive.

Where nobody in the process has loaded libEGL (a window system draws, or nothing does) there is no context to know of.
"""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from vlmrm.rendering.libraries import loaded_so_far

_LIBRARY = "libEGL.so.1"
_POINTER = ctypes.c_void_p
_PLATFORM_DEVICE, _VENDOR = 0x313F, 0x3053  # as eglext.h and egl.h number them
_DRAW, _READ = 0x3059, 0x305A
_MOST_DEVICES = 64

_missing_at: int | None = None  # libraries that had been loaded when libEGL was not among them
_drew_before_fork = False
_inherited = False


class Current(NamedTuple):
    """What is current in a thread, as EGL's handles."""

    display: int
    """Connection to the device."""
    context: int
    """The OpenGL context."""
    draw: int | None
    """Surface that is drawn on; None: buffers of the context."""
    read: int | None
    """Surface that is read from; None: buffers of the context."""


def current() -> Current | None:
    """What is current in this thread; None: nothing, or EGL is not what draws."""
    egl = _loaded()
    context = None if egl is None else egl.eglGetCurrentContext()
    if egl is None or not context:
        return None
    surfaces = egl.eglGetCurrentSurface(_DRAW), egl.eglGetCurrentSurface(_READ)
    return Current(egl.eglGetCurrentDisplay(), context, *surfaces)


def make_current(wanted: Current | None) -> None:
    """Make a context current in this thread, or none, also where the context has been destroyed or is another thread's.

    Args:
        wanted: What `current` returned earlier; None: no context shall be current.
    """
    egl, now = _loaded(), current()
    if egl is None or now == wanted:
        return
    made = wanted and egl.eglMakeCurrent(wanted.display, wanted.draw, wanted.read, wanted.context)
    if not made and now is not None:
        egl.eglMakeCurrent(now.display, None, None, None)


@contextmanager
def put_back() -> Iterator[None]:
    """Let other contexts be made current inside; what was current before is current again afterwards.

    Example:
        >>> before = current()
        >>> with put_back():
        ...     make_current(None)
        >>> current() == before
        True
    """
    before = current()
    try:
        yield
    finally:
        make_current(before)


def inherited_gl() -> bool:
    """Whether this process was forked from one that had drawn, so that drawing would wait for ever."""
    return _inherited


def _loaded() -> Any:
    """The library, where the process has loaded it and may use it."""
    return None if _inherited else _library()


def _library() -> Any:
    global _missing_at
    loaded = loaded_so_far()
    if loaded is not None and loaded == _missing_at:
        return None
    try:
        return _declared()
    except OSError:
        _missing_at = loaded
        return None


@cache  # of an error nothing is kept: the library may be loaded later
def _declared() -> Any:
    if not hasattr(os, "RTLD_NOLOAD"):  # Windows, which has no EGL
        raise OSError(_LIBRARY)
    egl = ctypes.CDLL(_LIBRARY, mode=os.RTLD_NOLOAD)
    for name in ("eglGetCurrentContext", "eglGetCurrentDisplay", "eglGetCurrentSurface", "eglGetDisplay"):
        getattr(egl, name).restype = _POINTER
    egl.eglMakeCurrent.argtypes = [_POINTER] * 4
    egl.eglGetDisplay.argtypes = [_POINTER]
    egl.eglGetProcAddress.argtypes, egl.eglGetProcAddress.restype = [ctypes.c_char_p], _POINTER
    egl.eglQueryString.argtypes, egl.eglQueryString.restype = [_POINTER, ctypes.c_int], ctypes.c_char_p
    return egl


def _has_drawn() -> bool:
    """Whether any connection to a device is open; EGL tells its vendor only of those."""
    egl = _loaded()
    if egl is None or "mujoco" not in sys.modules:  # asking loads drivers, which costs where nothing draws
        return False
    return any(egl.eglQueryString(display, _VENDOR) for display in _displays(egl) if display)


def _displays(egl: Any) -> Iterator[int | None]:
    yield egl.eglGetDisplay(None)
    of_devices = egl.eglGetProcAddress(b"eglQueryDevicesEXT")
    of_platform = egl.eglGetProcAddress(b"eglGetPlatformDisplayEXT")
    if not of_devices or not of_platform:
        return
    devices, count = (_POINTER * _MOST_DEVICES)(), ctypes.c_int()
    query = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_int, _POINTER, _POINTER)(of_devices)
    display_of = ctypes.CFUNCTYPE(_POINTER, ctypes.c_uint, _POINTER, _POINTER)(of_platform)
    if query(_MOST_DEVICES, ctypes.addressof(devices), ctypes.addressof(count)):
        for device in devices[: count.value]:
            yield display_of(_PLATFORM_DEVICE, device, None)


def _before_fork() -> None:
    global _drew_before_fork
    _drew_before_fork = _has_drawn()


def _after_fork() -> None:
    global _inherited
    _inherited = _inherited or _drew_before_fork


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
