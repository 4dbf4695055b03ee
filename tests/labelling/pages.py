"""A page that `label` serves in a thread, and real requests to it."""

import json
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Queue
from threading import Thread
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

_DIRECT = build_opener(ProxyHandler({}))


@dataclass
class Reply:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def ask(url, body=None, *, method=None, headers=None):
    """One real request; refusals are replies too."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = Request(url, data, headers or {}, method=method)
    try:
        with _DIRECT.open(request, timeout=30) as reply:
            return Reply(reply.status, dict(reply.headers), reply.read())
    except HTTPError as error:
        with error:
            return Reply(error.code, dict(error.headers), error.read())


@dataclass
class Page:
    """A page that `label` serves in a thread."""

    url: str
    told: list[str]
    ended: Queue = field(default_factory=Queue)

    @property
    def origin(self):
        return "http://" + urlsplit(self.url).netloc

    def state(self):
        return ask(self.url + "state").json

    def current(self):
        return self.state()["upcoming"][0]

    def answer(self, frame, in_goal):
        return ask(self.url + "answer", {"frame": frame, "in_goal": in_goal})

    def label_next(self, in_goal):
        """Answer for the frame that is shown, and return its name."""
        current = self.current()
        assert self.answer(current["frame"], in_goal).status == 200
        return current["name"]

    def undo(self):
        return ask(self.url + "undo", {})

    def done(self):
        """Press Done; return the reply and what `label` returned."""
        return ask(self.url + "done", {}).json["summary"], self.ended.get(timeout=10)


@contextmanager
def serve(paths, labels_csv, *, reward=None, **options):
    from vlmrm.labelling import LabelOptions, label

    told, addresses, ended = [], Queue(), Queue()

    def tell(message):
        told.append(message)
        found = re.search(r"http://\S+/", message)
        if found:
            addresses.put(found[0])

    def run():
        given = LabelOptions(**{"open_browser": False} | options)
        try:
            ended.put(label(paths, labels_csv, given, reward=reward, tell=tell))
        finally:
            addresses.put("")  # nobody waits for one that never comes

    thread = Thread(target=run)
    thread.start()
    page = Page(addresses.get(timeout=30), told, ended)
    try:
        yield page
    finally:
        with suppress(OSError):  # it may have ended already
            ask(page.url + "done", {})
        thread.join(timeout=10)
        assert not thread.is_alive()


def said(labels_csv, rater=""):
    """What a rater has said, as the file has it; nothing where there is no file."""
    from vlmrm.data.label_table import LabelTable

    labels = LabelTable.read(labels_csv).labels if labels_csv.exists() else ()
    return {one.frame: one.in_goal for one in labels if one.rater == rater}
