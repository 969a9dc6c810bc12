"""How does a test use a browser? Headless Chromium, told what to do over its DevTools protocol."""

import asyncio
import base64
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.service.asking import until

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_START_TIMEOUT_S = 30.0
_FLAGS = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-sandbox",  # it opens this machine's pages only, and tests may run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--window-size=900,760",
    # Nothing but this machine is there.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)


def binary() -> str | None:
    """The program, or None."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


class Page:
    """One page of a running browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last_id = 0

    async def _do(self, method: str, **params: Any) -> dict[str, Any]:
        """Give one command and wait for its result; events in between are of no interest."""
        self._last_id += 1
        await self._socket.send_json({"id": self._last_id, "method": method, "params": params})
        while True:
            said = json.loads(await self._socket.receive_str(timeout=20))
            if said.get("id") == self._last_id:
                assert "error" not in said, said["error"]
                result: dict[str, Any] = said["result"]
                return result

    async def open(self, url: str) -> None:
        """Go to an address; returns when the page's own script has run."""
        await self._do("Page.enable")
        await self._do("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def value(self, expression: str) -> Any:
        """Evaluate JavaScript; a promise is waited for."""
        said = await self._do(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    async def until(self, expression: str, *, timeout_s: float = 20.0) -> None:
        """Return as soon as an expression is true. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not await self.value(expression):  # noqa: ASYNC110  the page tells nobody
                await asyncio.sleep(0.02)

    async def write(self, selector: str, text: str) -> None:
        """Put the cursor into a field and type."""
        await self.value(f"document.querySelector({json.dumps(selector)}).focus()")
        await self._do("Input.insertText", text=text)

    async def click(self, selector: str) -> None:
        """Click in the middle of an element."""
        x, y = await self.value(
            f"(r => [r.x + r.width / 2, r.y + r.height / 2])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self._do(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    async def screenshot(self) -> bytes:
        """What is seen, as a PNG."""
        shot = await self._do("Page.captureScreenshot", format="png")
        return base64.b64decode(shot["data"])


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Page]:
    """Run a browser with one empty page; what it keeps goes into `folder`."""
    program = binary()
    assert program is not None
    profile, log = folder / "profile", folder / "browser.log"
    with log.open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *(program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder)},
        )
    try:
        told = profile / "DevToolsActivePort"
        await until(
            lambda: process.returncode is not None or (told.exists() and "\n" in told.read_text()),
            timeout_s=_START_TIMEOUT_S,
        )
        assert process.returncode is None, log.read_text(errors="replace")[-2000:]
        port = told.read_text().splitlines()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as reply:
                targets = await reply.json()
            (url,) = [each["webSocketDebuggerUrl"] for each in targets if each["type"] == "page"]
            async with session.ws_connect(url, max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
