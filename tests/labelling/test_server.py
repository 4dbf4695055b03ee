import http.client
import io
import socket
from urllib.parse import urlsplit

import pytest
from PIL import Image

from tests.labelling.pages import ask, serve
from vlmrm.errors import VlmrmError
from vlmrm.labelling import label
from vlmrm.labelling.server import LabelServer


@pytest.fixture
def page(frames, labels_csv):
    with serve([frames], labels_csv) as page:
        yield page


def raw(page, path, host=None):
    """A request whose path no client tidies up."""
    there = urlsplit(page.url)
    connection = http.client.HTTPConnection(there.hostname, there.port, timeout=10)
    try:
        connection.putrequest("GET", path, skip_host=True)
        if host != "":
            connection.putheader("Host", host or there.netloc)
        connection.endheaders()
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def test_it_listens_on_the_loopback_address_alone(page):
    there = urlsplit(page.url)
    assert there.hostname == "127.0.0.1"
    with pytest.raises(OSError, match=r"."):
        socket.create_connection(("127.0.0.2", there.port), timeout=1)


def test_the_token_is_long_and_new_each_time(page, frames, tmp_path):
    token = urlsplit(page.url).path.strip("/")
    assert len(token) >= 32
    with serve([frames], tmp_path / "other.csv") as other:
        assert urlsplit(other.url).path.strip("/") != token


@pytest.mark.parametrize("path", ["", "page.css", "page.js", "state", "picture/0"])
def test_whoever_has_not_the_token_is_refused(page, path):
    assert ask(page.url + path).status == 200
    for wrong in (f"{page.origin}/{path}", f"{page.origin}/guess/{path}", f"{page.url[:-2]}/{path}"):
        assert ask(wrong).status == 403


def test_nothing_is_written_without_the_token(page, labels_csv):
    for action in ("answer", "undo", "done"):
        assert ask(f"{page.origin}/guess/{action}", {"frame": 0, "in_goal": True}).status == 403
    assert not labels_csv.exists()
    assert page.state()["labelled"] == 0


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "", "127.0.0.1.evil.example"])
def test_a_name_that_was_made_to_point_here_is_refused(page, host):
    """DNS rebinding: the browser of the user asks 127.0.0.1 in the name of another site."""
    path = urlsplit(page.url).path + "state"
    assert raw(page, path, host)[0] == 403
    assert raw(page, path)[0] == 200
    assert raw(page, path, f"localhost:{urlsplit(page.url).port}")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "picture/../page.html",
        "picture/../../labels.csv",
        "picture/..%2f..%2fetc%2fpasswd",
        "picture/%2e%2e/0",
        "picture//etc/passwd",
        "picture/0.jpg",
        "picture/0%D9%A0",
        "picture/-1",
        "picture/6",
        "picture/999999999",
        "page.html",
        "label.py",
        "state?x",
    ],
)
def test_nothing_but_the_page_and_its_frames_can_be_read(page, path):
    status, body = raw(page, urlsplit(page.url).path + path)
    assert status == 404
    assert b"root:" not in body


def test_nothing_may_be_loaded_from_elsewhere_or_kept(page):
    headers = ask(page.url).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] == "vlmrm"
    body = b"".join(ask(page.url + path).body for path in ("", "page.css", "page.js"))
    assert b"http:" not in body
    assert b"https:" not in body


def test_pictures_are_jpeg_of_the_frames(page):
    reply = ask(page.url + "picture/5")
    assert reply.headers["Content-Type"] == "image/jpeg"
    with Image.open(io.BytesIO(reply.body)) as picture:
        assert picture.size == (24, 16)
        assert picture.getpixel((5, 5)) == pytest.approx((250, 0, 0), abs=4)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"{}",
        b'{"frame": 0}',
        b'{"frame": 0, "in_goal": 1}',
        b'{"frame": 0, "in_goal": "yes"}',
        b'{"frame": true, "in_goal": true}',
        b'{"frame": 0.0, "in_goal": true}',
        b'{"frame": -1, "in_goal": true}',
        b'{"frame": 6, "in_goal": true}',
        b'{"frame": "0.png", "in_goal": true}',
        b" " * 2000,
    ],
)
def test_what_is_no_answer_is_refused_and_changes_nothing(page, labels_csv, body):
    assert ask(page.url + "answer", body, method="POST").status in (400, 404)
    assert not labels_csv.exists()


def test_other_methods_are_refused(page):
    assert ask(page.url + "state", method="DELETE").status == 501


def test_a_port_that_cannot_be_opened_is_explained(monkeypatch, frames, labels_csv):
    def refuse(self):
        raise PermissionError("not here")

    monkeypatch.setattr(LabelServer, "server_bind", refuse)
    with pytest.raises(VlmrmError, match=r"no port of 127.0.0.1 can be opened.*not here.*local connections"):
        label([frames], labels_csv)
