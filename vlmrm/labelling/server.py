"""`LabelServer`: the page of a `LabellingSession`, for this machine alone.

Every address begins with a token that nobody can guess, and the Host header must be that of the loopback address, so
that a page of another site can reach nothing, not even by a name that it has made resolve to 127.0.0.1.

| request | answer |
|---|---|
| GET /TOKEN/ , page.css, page.js | the page |
| GET /TOKEN/state | upcoming frames and progress, as JSON |
| GET /TOKEN/picture/INDEX | a frame as JPEG |
| POST /TOKEN/answer | `{"frame": INDEX, "in_goal": true, false or null}`; the new state |
| POST /TOKEN/undo | the new state |
| POST /TOKEN/done | the summary; the server stops |
"""

import json
import logging
import re
import secrets
import sys
from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

from vlmrm.errors import VlmrmError
from vlmrm.labelling.session import LabellingSession

_LOG = logging.getLogger(__name__)
_LOOPBACK = "127.0.0.1"
_PAGES = {
    "": ("page.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_MOST_BYTES = 1024  # of an answer
_PICTURE = re.compile(r"picture/([0-9]{1,9})")
_JSON = "application/json; charset=utf-8"


class LabelServer(ThreadingHTTPServer):
    """Serves one session until `shutdown`, or until the page says that it is done.

    Args:
        session: The session to show.
        about: What the page says besides: ``question``, ``rater`` and ``file``.
        summary: Called at the end; the page shows what it returns.

    Raises:
        VlmrmError: If no port of the loopback address can be opened.
    """

    def __init__(self, session: LabellingSession, about: Mapping[str, str], summary: Callable[[], str]) -> None:
        self.session, self.about, self.summary = session, about, summary
        self.token = secrets.token_urlsafe(24)
        self.ended = False
        try:
            super().__init__((_LOOPBACK, 0), _Handler)
        except OSError as error:
            raise VlmrmError(
                f"no port of {_LOOPBACK} can be opened for the page: {error}. Labelling needs a browser and this "
                "command on one machine, where local connections are allowed."
            ) from error

    @property
    def url(self) -> str:
        """Address of the page, with the token."""
        return f"http://{_LOOPBACK}:{self.server_port}/{self.token}/"

    def state(self) -> dict[str, Any]:
        """Return what the page shows, as plain values."""
        names, tally = self.session.frames.names, self.session.tally()
        return {
            **self.about,
            "upcoming": [{"frame": index, "name": names[index]} for index in self.session.upcoming()],
            "labelled": tally.labelled,
            "total": tally.total,
            "progress": str(tally),
            "can_undo": self.session.can_undo,
        }

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what went wrong; a browser that hangs up is nothing to speak of."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            _LOG.error("a request of the page failed", exc_info=True)


class _Refusal(Exception):
    """A request that is not answered as asked."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: LabelServer
    timeout = 10  # seconds; browsers open connections before they need them

    def do_GET(self) -> None:
        """Answer with the page, a picture or the state."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Carry out an answer, an undo or the end."""
        try:
            self._answer(self._post)
        finally:
            if self.server.ended:
                self.server.shutdown()  # after the reply, without which the page would not know

    def version_string(self) -> str:
        """Return what the Server header says: no versions."""
        return "vlmrm"

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: addresses hold the token."""

    def _answer(self, respond: Callable[[str], tuple[str, bytes]]) -> None:
        try:
            kind, body = respond(self._allowed_path())
            self._send(HTTPStatus.OK, kind, body)
        except _Refusal as refusal:
            self._send(refusal.status, _JSON, _json({"error": str(refusal)}))
        except VlmrmError as error:
            self._send(HTTPStatus.CONFLICT, _JSON, _json({"error": str(error)}))

    def _allowed_path(self) -> str:
        """What stands after the token."""
        port = self.server.server_port
        if self.headers.get("Host") not in (f"{_LOOPBACK}:{port}", f"localhost:{port}"):
            raise _Refusal(HTTPStatus.FORBIDDEN, "this page is for the machine that it runs on.")
        token, _, path = self.path.removeprefix("/").partition("/")
        if not secrets.compare_digest(token.encode(), self.server.token.encode()):
            raise _Refusal(HTTPStatus.FORBIDDEN, "the address lacks the token. Use the one that was printed.")
        return path

    def _get(self, path: str) -> tuple[str, bytes]:
        if path in _PAGES:
            name, kind = _PAGES[path]
            return kind, _page(name)
        if path == "state":
            return _JSON, _json(self.server.state())
        picture = _PICTURE.fullmatch(path)
        if picture is None:
            raise _Refusal(HTTPStatus.NOT_FOUND, "there is nothing here.")
        return "image/jpeg", self.server.session.frames.picture(self._index(int(picture[1])))

    def _post(self, path: str) -> tuple[str, bytes]:
        session = self.server.session
        if path == "answer":
            frame, in_goal = self._read_answer()
            session.answer(frame, in_goal)
        elif path == "undo":
            session.undo()
        elif path == "done":
            return self._end()
        else:
            raise _Refusal(HTTPStatus.NOT_FOUND, "there is nothing here.")
        return _JSON, _json(self.server.state())

    def _end(self) -> tuple[str, bytes]:
        self.server.session.close()
        self.server.ended = True
        return _JSON, _json({"summary": self.server.summary()})

    def _read_answer(self) -> tuple[int, bool | None]:
        said = self.headers.get("Content-Length", "")
        if not said.isascii() or not said.isdigit() or int(said) > _MOST_BYTES:
            raise _Refusal(HTTPStatus.BAD_REQUEST, "an answer is a short JSON object.")
        try:
            given = json.loads(self.rfile.read(int(said)))
            frame, in_goal = given["frame"], given["in_goal"]
        except (ValueError, TypeError, LookupError) as error:
            raise _Refusal(HTTPStatus.BAD_REQUEST, "an answer has a frame and in_goal.") from error
        if in_goal is not None and not isinstance(in_goal, bool):
            raise _Refusal(HTTPStatus.BAD_REQUEST, "in_goal is true, false or null.")
        return self._index(frame), in_goal

    def _index(self, frame: Any) -> int:
        if type(frame) is not int or not 0 <= frame < len(self.server.session.frames):
            raise _Refusal(HTTPStatus.NOT_FOUND, "there is no such frame.")
        return frame

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _json(values: Any) -> bytes:
    return json.dumps(values).encode()


@cache
def _page(name: str) -> bytes:
    return files("vlmrm.labelling").joinpath(name).read_bytes()
