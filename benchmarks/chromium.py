"""Chromium without a window, spoken to over a pipe.

The protocol is that of the developer tools (https://chromedevtools.github.io/devtools-protocol), each message JSON
that ends in a zero byte.
"""

from __future__ import annotations

import base64
import json
import os
import select
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.browser import Tab, waited

_OFFLINE = ("--disable-background-networking", "--disable-component-update", "--no-first-run", "--no-proxy-server")
_HIDDEN = ("--headless=new", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND", *_OFFLINE)


class Chromium(Tab):
    """A page in Chromium, with all that the protocol of its developer tools can do."""

    def __init__(self, to_browser: int, from_browser: int, files: Path) -> None:
        super().__init__(files)
        self._to, self._from = to_browser, from_browser
        self._count, self._rest, self._session = 0, b"", ""
        self.version = self.call("Browser.getVersion")["product"].replace("/", " ")
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(files))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to a command; RuntimeError if the browser refuses it or is silent for a minute."""
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])
            self._note(answer)

    def go(self, url: str) -> None:
        """Go to an address."""
        self.call("Page.navigate", url=url)

    def enter_frame(self, seconds: float = 60.0) -> None:
        """Speak to the page's first frame of another origin from now on; TimeoutError if none comes."""

        def frames() -> list[dict[str, Any]]:
            return [one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "iframe"]

        first = waited(frames, lambda: "a frame of another origin", seconds)[0]["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=first, flatten=True)["sessionId"]
        for domain in ("Runtime", "Log"):
            self.call(f"{domain}.enable")

    def run(self, expression: str) -> Any:
        """Return the value of an expression or of statements; RuntimeError if they throw."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def size(self, width: int, height: int) -> None:
        """Give the page another size in pixels; one below 500 wide is a telephone."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )

    def processor(self) -> tuple[float, float]:
        """Return the ms of processor time that pages took so far: on the threads that draw, and on their workers'.

        Linux alone counts them. What else a browser does beside them (collecting garbage, painting) is in neither.
        """
        session, self._session = self._session, ""
        found = self.call("SystemInfo.getProcessInfo")["processInfo"]
        self._session = session
        times = [0.0, 0.0]
        for one in found:
            for thread in Path(f"/proc/{one['id']}/task").iterdir() if one["type"] == "renderer" else ():
                own, worker = thread.name == str(one["id"]), "Worker" in (thread / "comm").read_text()
                if own or worker:
                    times[worker] += int((thread / "schedstat").read_text().split()[0]) / 1e6
        return times[0], times[1]

    def picture(self, path: Path, whole: bool = False) -> None:
        """Write what is seen, or the whole page, as PNG."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def key(self, name: str) -> None:
        """Press and let go a key, such as Tab or ArrowRight."""
        codes = {"Tab": 9, "ArrowLeft": 37, "ArrowRight": 39, "Enter": 13, "Space": 32}
        text = {"text": "\r"} if name == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            about = {"key": name, "code": name, "windowsVirtualKeyCode": codes[name], **text}
            self.call("Input.dispatchKeyEvent", type=kind, **about)

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not select.select([self._from], [], [], 60.0)[0]:
                raise RuntimeError("the browser is silent")
            part = os.read(self._from, 1 << 20)
            if not part:
                raise RuntimeError("the browser is gone")
            self._rest += part
        first, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(first))

    def _note(self, event: dict[str, Any]) -> None:
        match event.get("method"):
            case "Runtime.exceptionThrown":
                details = event["params"]["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description", details["text"]))
            case "Log.entryAdded" if event["params"]["entry"]["level"] == "error":
                self.errors.append(event["params"]["entry"]["text"])
            case "Network.requestWillBeSent":
                self.asked(event["params"]["request"]["url"])


@contextmanager
def started(program: str, files: Path, *options: str) -> Iterator[Chromium]:
    """Start a browser with one page, which ends with the block; what is downloaded lands in `files`."""
    read_commands, write_commands = _pipe()
    read_answers, write_answers = _pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        arguments = [
            program,
            *_HIDDEN,
            *options,
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            "about:blank",
        ]
        # the browser reads from 3 and writes to 4
        moved = [(os.POSIX_SPAWN_DUP2, read_commands, 3), (os.POSIX_SPAWN_DUP2, write_answers, 4)]
        silent = [(os.POSIX_SPAWN_OPEN, place, os.devnull, os.O_WRONLY, 0) for place in (1, 2)]
        process = os.posix_spawn(program, arguments, os.environ, file_actions=[*moved, *silent])
        os.close(read_commands)
        os.close(write_answers)
        try:
            yield Chromium(write_commands, read_answers, files)
        finally:
            os.close(write_commands)  # which ends it
            if not select.select([read_answers], [], [], 10.0)[0] or os.read(read_answers, 1 << 20):
                os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            os.close(read_answers)


def _pipe() -> tuple[int, int]:
    """Return both ends of a pipe, numbered from 10, so that neither is in the way of the browser's own."""
    import fcntl

    low = os.pipe()
    high = tuple(fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in low)
    for one in low:
        os.close(one)
    return high[0], high[1]
