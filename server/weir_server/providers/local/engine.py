"""How is the embedded model run? In a process of its own, behind a loopback listener.

The listener speaks the OpenAI chat wire on 127.0.0.1, on a port the system picks, to whoever
holds the random key of this start. Closing a connection ends its generation; stopping the engine
ends them all at once. `child.py` says why it is a process.
"""

import asyncio
import importlib.util
import json
import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from weir_server.providers.local.dialect import CONNECTION_HEADERS
from weir_server.providers.local.errors import EngineNotInstalled, EngineStartFailed
from weir_server.providers.local.weights import usable_weights

MODEL_NAME = "smollm2-135m-instruct"

_CHILD = Path(__file__).with_name("child.py")
_LAST_WORDS_BYTES = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalEngineSettings:
    """How much of the machine the embedded model may take, and how it speaks by default."""

    weights_path: Path | None = None
    """An own GGUF file; None: the published SmolLM2-135M-Instruct."""
    model_name: str = MODEL_NAME
    """What the listener calls the model."""
    slots: int = 2
    """Generations at the same time; more callers wait in the engine's queue."""
    context_tokens_per_slot: int = 4_096
    """Prompt and answer together. SmolLM2 knows 8,192; each token costs 23 KiB of memory."""
    threads: int = 1
    """Compute threads. They spin at barriers: more than the idle cores collapse the speed."""
    batch_tokens: int = 64
    """Prompt tokens between two looks at whether the caller is still there. Fewer than 64 halve
    the speed in long prompts, more make an abandoned one last longer."""
    temperature: float = 0.2
    """Where the caller sets none. Greedy decoding loops with so small a model."""
    top_p: float = 0.9
    """Where the caller sets none."""
    repeat_penalty: float = 1.1
    """Where the caller sets none; 1.0 is off."""
    niceness: int = 5
    """Added to the process's own, so that the model gives way to the calls themselves."""
    start_timeout_s: float = 60.0
    """Loading takes under a second; a machine that swaps takes long."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("slots", 1, 64),
            ("context_tokens_per_slot", 256, 131_072),
            ("threads", 1, 256),
            ("batch_tokens", 1, 2_048),
            ("niceness", 0, 19),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}; it must be between {low} and {high}.")


class LocalEngine:
    """One embedded model: start it, speak to `base_url` with `api_key`, stop it."""

    def __init__(self, settings: LocalEngineSettings) -> None:
        self.settings = settings
        self.api_key = secrets.token_urlsafe(32)
        """The bearer key of the listener, new with each engine and known to nobody else."""
        self._process: subprocess.Popen[bytes] | None = None
        self._origin = ""

    @property
    def origin(self) -> str:
        """Scheme, address and port, such as `http://127.0.0.1:40123`; set by `start`."""
        return self._origin

    @property
    def base_url(self) -> str:
        """The root of the OpenAI-shaped interface; set by `start`."""
        return f"{self._origin}/v1"

    @property
    def headers(self) -> Mapping[str, str]:
        """What every request to the listener must carry; the key is among them."""
        return {"authorization": f"Bearer {self.api_key}", **CONNECTION_HEADERS}

    @property
    def is_running(self) -> bool:
        """Whether it was started and its process lives."""
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Load the model and listen; about a second, all of it off the event loop.

        Raises EngineNotInstalled, WeightsMissing, WeightsDamaged or EngineStartFailed, and leaves
        no process behind when it raises or is cancelled. Again after `stop` or a crash is fine.
        """
        if self.is_running:
            return
        await self.stop()
        if importlib.util.find_spec("xllamacpp") is None:
            raise EngineNotInstalled
        weights_path = await asyncio.to_thread(usable_weights, self.settings.weights_path)
        process = _spawn()
        try:
            async with asyncio.timeout(self.settings.start_timeout_s):
                line = await asyncio.to_thread(_converse, process, self._order(weights_path))
            self._origin = _address_in(line)
        except (TimeoutError, _NotReady) as error:
            detail, exit_code = _end(process)
            raise EngineStartFailed(str(error) or "timeout", detail, exit_code) from error
        except BaseException:
            _end(process)
            raise
        self._process = process

    async def stop(self) -> None:
        """End every generation and the process, within milliseconds. Twice is once."""
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(_end, process)

    def _order(self, weights_path: Path) -> bytes:
        """The line that the process is told. The key goes this way because `ps` shows arguments."""
        settings = self.settings
        order = {
            "import_path": [entry for entry in sys.path if entry],
            "weights_path": str(weights_path),
            "api_key": self.api_key,
            "model_name": settings.model_name,
            "slots": settings.slots,
            "context_tokens_per_slot": settings.context_tokens_per_slot,
            "threads": settings.threads,
            "batch_tokens": settings.batch_tokens,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "repeat_penalty": settings.repeat_penalty,
            "niceness": settings.niceness,
        }
        return json.dumps(order).encode() + b"\n"


class _NotReady(Exception):
    """The process ended or said something else than its address."""


def _spawn() -> subprocess.Popen[bytes]:
    # Isolated (-I), without site (-S: the import path is handed over) and with an empty
    # environment: keys of other providers stay out of a process that runs native code. A session
    # of its own keeps a terminal's Ctrl-C away from it.
    return subprocess.Popen(  # noqa: S603 our own interpreter and our own file
        [sys.executable, "-I", "-S", str(_CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env={},
        start_new_session=True,
    )


def _converse(process: subprocess.Popen[bytes], order: bytes) -> bytes:
    """Tell the process its order and read its one line: empty when it died first. Blocks."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(order)
    except BrokenPipeError:
        return b""
    return process.stdout.readline()


def _address_in(line: bytes) -> str:
    if not line:
        raise _NotReady("its process ended")
    try:
        reply = json.loads(line)
    except ValueError as error:
        raise _NotReady("its process spoke out of turn") from error
    if "error" in reply:
        raise _NotReady(str(reply["error"]))
    address = str(reply["address"])
    if urlsplit(address).hostname != "127.0.0.1":
        raise _NotReady(f"it listens on {address} instead of 127.0.0.1")
    return address


def _end(process: subprocess.Popen[bytes]) -> tuple[str, int]:
    """Kill, reap and close; return its last words and its exit code. Blocks for milliseconds.

    A signal that cannot be refused, because the engine's own way to stop waits for running
    generations; it keeps nothing that could be lost.
    """
    process.kill()
    exit_code = process.wait()
    last_words = b""
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            if pipe is process.stderr:
                last_words = pipe.read()
            pipe.close()
    return last_words[-_LAST_WORDS_BYTES:].decode(errors="replace").strip(), exit_code
