"""A headless Chromium for tests, driven through chromedriver by plain JSON over HTTP (the W3C WebDriver protocol).

`open_browser` skips the test where Chromium or chromedriver is not installed, unless VLMRM_REQUIRE_BROWSER is 1.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

ARROW_LEFT, ARROW_RIGHT, BACKSPACE, CONTROL = "\ue012", "\ue014", "\ue003", "\ue009"
ENTER, TAB = "\ue007", "\ue004"
"""Keys without a letter, as WebDriver names them."""
_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_SWITCHES = (
    "--headless=new",
    "--no-sandbox",  # tests in a container run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1000,800",
)
_DIRECT = build_opener(ProxyHandler({}))
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key under which WebDriver hands over an element


class BrowserError(AssertionError):
    """The browser refused a command, or did not come to a state in time."""


class Browser:
    """One window. Elements are named by CSS selectors."""

    def __init__(self, session: str) -> None:
        self._session = session

    def open(self, url: str) -> None:
        """Load a page; ``Path.as_uri()`` is the address of a file."""
        self._call("POST", "url", {"url": url})

    def press(self, *keys: str) -> None:
        """Press and release keys one after the other, wherever the focus is."""
        self._keys([{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")])

    def hold(self, held: str, key: str) -> None:
        """Press a key while another, such as Control, is held."""
        strokes = (("keyDown", held), ("keyDown", key), ("keyUp", key), ("keyUp", held))
        self._keys([{"type": kind, "value": stroke} for kind, stroke in strokes])

    def click(self, css: str) -> None:
        """Click on an element with the mouse."""
        self._call("POST", f"element/{self._element(css)}/click", {})

    def text(self, css: str) -> str:
        """The text of an element as it is seen."""
        return self._call("GET", f"element/{self._element(css)}/text")

    def run(self, script: str, *arguments: Any) -> Any:
        """What a JavaScript function body returns."""
        return self._call("POST", "execute/sync", {"script": script, "args": list(arguments)})

    def wait_for(self, condition: Callable[[], Any], seconds: float = 10.0) -> None:
        """Wait until a condition of the page holds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise BrowserError(f"not so after {seconds:g} s. The page says:\n{self.text('body')}")
            time.sleep(0.02)

    def console_errors(self) -> list[str]:
        """What the console has as errors or warnings since it was asked last."""
        return [entry["message"] for entry in self._log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self) -> list[str]:
        """Addresses that the page has asked for since it was asked last, without those of ``data:``."""
        events = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        sent = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith("data:")]

    def colour_scheme(self, scheme: str) -> None:
        """Let the page believe that the user prefers ``light`` or ``dark``."""
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def resize(self, width: int, height: int) -> None:
        """Set the size of the window."""
        self._call("POST", "window/rect", {"width": width, "height": height})

    def screenshot(self, path: Path) -> None:
        """Write what is seen as PNG."""
        path.write_bytes(base64.b64decode(self._call("GET", "screenshot")))

    def devtools(self, command: str, **parameters: Any) -> Any:
        """Run a command of the Chrome DevTools Protocol."""
        return self._call("POST", "goog/cdp/execute", {"cmd": command, "params": parameters})

    def close(self) -> None:
        """Close the window."""
        _call("DELETE", self._session)

    def _keys(self, actions: list[dict[str, str]]) -> None:
        self._call("POST", "actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def _element(self, css: str) -> str:
        return self._call("POST", "element", {"using": "css selector", "value": css})[_ELEMENT]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        return self._call("POST", "se/log", {"type": kind})

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return _call(method, f"{self._session}/{path}", body)


@contextmanager
def open_browser(profile: Path) -> Iterator[Browser]:
    """A browser with an empty profile; closed at the end of the block.

    Args:
        profile: A new folder for the profile, such as ``tmp_path / "profile"``.
    """
    chromium, driver = _program(_CHROMIUMS), _program(("chromedriver",))
    options = {"binary": chromium, "args": [*_SWITCHES, f"--user-data-dir={profile}"]}
    wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
    with subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            address = f"http://127.0.0.1:{_port(process)}/session"
            made = _call("POST", address, {"capabilities": {"alwaysMatch": wanted}})
            browser = Browser(f"{address}/{made['sessionId']}")
            try:
                browser.open("about:blank")
                browser.console_errors(), browser.requests()  # of the page that Chromium starts with
                yield browser
            finally:
                browser.close()
        finally:
            process.terminate()


def _program(names: Sequence[str]) -> str:
    found = next((path for path in map(shutil.which, names) if path), None)
    if found is not None:
        return found
    missing = f"{names[0]} is not installed (apt-get install chromium chromium-driver)"
    if os.environ.get("VLMRM_REQUIRE_BROWSER") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


def _port(process: subprocess.Popen[str]) -> int:
    said = []
    for line in process.stdout or ():
        said.append(line)
        started = re.search(r"started successfully on port (\d+)", line)
        if started:
            return int(started[1])
    raise BrowserError(f"chromedriver did not start: {''.join(said)}")


def _call(method: str, url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with _DIRECT.open(request, timeout=60) as reply:
            return json.load(reply)["value"]
    except HTTPError as error:
        with error:
            raise BrowserError(json.load(error)["value"]["message"]) from error
