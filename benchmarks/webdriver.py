"""Firefox and WebKit, spoken to as the W3C has it: Firefox by WebDriver BiDi, WebKit by WebDriver and its own driver.

Firefox has no window (https://w3c.github.io/webdriver-bidi). WebKit's small browser fills a display of its own, without
a bar; it tells nothing of its own accord and cannot print (https://w3c.github.io/webdriver). Both have a proxy where
nothing listens in the place of a network.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from benchmarks.browser import Tab, waited

if TYPE_CHECKING:
    from websocket import WebSocket

_NOWHERE = "127.0.0.1", 9
#: preferences of Firefox: no network
_CHOSEN = {
    "network.proxy.type": 1,
    "network.proxy.http": _NOWHERE[0],
    "network.proxy.http_port": _NOWHERE[1],
    "network.proxy.ssl": _NOWHERE[0],
    "network.proxy.ssl_port": _NOWHERE[1],
}
_KEYS = {"Tab": "\ue004", "ArrowLeft": "\ue012", "ArrowRight": "\ue014", "Enter": "\ue006", "Space": " "}
# what is wrong on a page is kept until it is asked for
_ASKED = """const done = arguments[0], later = (reason) => done({ reason: String(reason) });
if (!window.wrong) {
  window.wrong = [];
  addEventListener("error", (event) => wrong.push(event.message));
  addEventListener("unhandledrejection", (event) => wrong.push(String(event.reason)));
  addEventListener("securitypolicyviolation", (event) => wrong.push(`refused: ${event.blockedURI}`));
}
Promise.resolve().then(() => (%s)).then((value) => done({ value, wrong: wrong.splice(0) }), later);"""


class Firefox(Tab):
    """A page in Firefox, by the socket where it listens."""

    def __init__(self, socket: WebSocket, files: Path) -> None:
        super().__init__(files)
        self._socket, self._count = socket, 0
        about = self.call("session.new", capabilities={})["capabilities"]
        self.version = f"Firefox {about['browserVersion']}"
        # the first tab's focus is in the field of its address, where Enter presses no button of a page
        self._page = self.call("browsingContext.create", type="tab")["context"]
        self.call("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self.call("browser.setDownloadBehavior", downloadBehavior={"type": "allowed", "destinationFolder": str(files)})

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a command; RuntimeError if the browser refuses it."""
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while (answer := json.loads(self._socket.recv())).get("id") != self._count:
            self._note(answer)
        if answer["type"] == "error":
            raise RuntimeError(f"{method}: {answer['message']}")
        return dict(answer["result"])

    def go(self, url: str) -> None:
        """Go to an address."""
        self.call("browsingContext.navigate", context=self._page, url=url, wait="complete")

    def run(self, expression: str) -> Any:
        """Return the value of an expression or of statements; RuntimeError if they throw."""
        found = self._evaluated("evaluate", expression=expression, resultOwnership="root")
        if "handle" in found:  # an object is long in this protocol's own words
            there = {"arguments": [{"handle": found["handle"]}]}
            return json.loads(self._evaluated("callFunction", functionDeclaration="JSON.stringify", **there)["value"])
        return json.loads(str(found["value"])) if found["type"] == "number" else found.get("value")  # NaN is text

    def size(self, width: int, height: int) -> None:
        """Give the page another size in pixels."""
        self.call("browsingContext.setViewport", context=self._page, viewport={"width": width, "height": height})

    def picture(self, path: Path) -> None:
        """Write what is seen as PNG."""
        path.write_bytes(base64.b64decode(self.call("browsingContext.captureScreenshot", context=self._page)["data"]))

    def key(self, name: str) -> None:
        """Press and let go a key, such as Tab or ArrowRight."""
        self.call("input.performActions", context=self._page, **_pressed(name))

    def _evaluated(self, how: str, **parameters: Any) -> dict[str, Any]:
        shallow = {"maxObjectDepth": 0}
        answer = self.call(
            f"script.{how}",
            target={"context": self._page}, awaitPromise=True, serializationOptions=shallow, **parameters,
        )  # fmt: skip
        if answer["type"] == "exception":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return dict(answer["result"])

    def _note(self, event: dict[str, Any]) -> None:
        about = event["params"]
        match event["method"]:
            case "log.entryAdded" if about["level"] == "error":
                self.errors.append(about["text"])
            case "network.beforeRequestSent":
                self.asked(about["request"]["url"])


class WebKit(Tab):
    """A page in WebKit, by the port where its driver listens."""

    def __init__(self, port: int, files: Path) -> None:
        super().__init__(files)
        self._port, self._session = port, ""
        arguments = ["--automation", "--full-screen", "--proxy=http://{}:{}".format(*_NOWHERE)]
        made = self.call("POST", "", capabilities={"alwaysMatch": {"webkitgtk:browserOptions": {"args": arguments}}})
        self.version, self._session = f"WebKitGTK {made['capabilities']['browserVersion']}", f"/{made['sessionId']}"

    def call(self, method: str, path: str, **parameters: Any) -> Any:
        """Return the answer to a command; RuntimeError if the browser refuses it."""
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)) as driver:
            driver.request(method, f"/session{self._session}{path}", json.dumps(parameters))
            value = json.load(driver.getresponse())["value"]
        if isinstance(value, dict) and "error" in value:
            raise RuntimeError(f"{path or 'session'}: {value['message']}")
        return value

    def go(self, url: str) -> None:
        """Go to an address."""
        self.call("POST", "/url", url=url)

    def run(self, expression: str) -> Any:
        """Return the value of an expression, waited for if it is a promise; RuntimeError if it throws."""
        answer = self.call("POST", "/execute/async", script=_ASKED % expression, args=[])
        if "reason" in answer:
            raise RuntimeError(answer["reason"])
        self.errors += answer["wrong"]
        return answer.get("value")

    def size(self, width: int, height: int) -> None:
        """Give the page another size in pixels."""
        self.call("POST", "/window/rect", width=width, height=height)

    def picture(self, path: Path) -> None:
        """Write what is seen as PNG."""
        path.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))

    def key(self, name: str) -> None:
        """Press and let go a key, such as Tab or ArrowRight."""
        self.call("POST", "/actions", **_pressed(name))


@contextmanager
def firefox(program: str, files: Path) -> Iterator[Firefox]:
    """Start Firefox with one page, which ends with the block; what is downloaded lands in `files`."""
    from websocket import create_connection

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        chosen = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in _CHOSEN.items()]
        Path(folder, "user.js").write_text("".join(chosen), encoding="ascii")
        told = Path(folder, "WebDriverBiDiServer.json")
        with _running(program, "--headless", "--no-remote", "--remote-debugging-port=0", "--profile", folder):
            waited(lambda: told.exists() and told.read_text().endswith("}"), lambda: "Firefox listens", 30.0)
            about = json.loads(told.read_bytes())
            address = f"ws://{about['ws_host']}:{about['ws_port']}/session"
            with closing(create_connection(address, timeout=60, suppress_origin=True)) as one:
                yield Firefox(one, files)


@contextmanager
def webkit(program: str, display: str, files: Path) -> Iterator[WebKit]:
    """Start WebKit with one page, which ends with the block; what is downloaded lands in `files`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with _running(display, "-displayfd", "1", "-screen", "0", "1600x1200x24", "-nolisten", "tcp", said=PIPE) as shown:
        assert shown.stdout is not None
        number = shown.stdout.readline().decode().strip()
        place = {
            "HOME": str(files),
            "DISPLAY": f":{number}",
            "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
        }  # no graphics card
        with _running(program, f"--port={port}", more=place):
            waited(lambda: _listens(port), lambda: "WebKit's driver listens", 30.0)
            yield WebKit(port, files)


@contextmanager
def _running(
    *arguments: str, said: int = DEVNULL, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Popen[bytes]]:
    """Run a program, and what it starts, until the block ends, with more variables of its environment."""
    environment = {**os.environ, **more}
    with Popen(arguments, stdout=said, stderr=DEVNULL, env=environment, start_new_session=True) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10.0)
            except TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _pressed(name: str) -> dict[str, Any]:
    """Return what a key pressed and let go is to both protocols."""
    keys = [{"type": kind, "value": _KEYS[name]} for kind in ("keyDown", "keyUp")]
    return {"actions": [{"type": "key", "id": "keyboard", "actions": keys}]}
