"""A browser streams a chat from Weir through the real Envoy, and its page shows what happens."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typing_extensions import override

from tests.edge.browser import Page
from tests.edge.envoy import WEIRS, envoy, listener_port, port_of, recipe
from tests.service.booked import booking, priced, records
from tests.service.weir import Weir
from weir.v1.error_pb2 import ErrorReason
from weir.v1.usage_service_pb2 import CallState
from weir_server.fake_upstream.behaviour import Reply, Sse
from weir_server.fake_upstream.exchange import Behaviour, Ending
from weir_server.fake_upstream.openai_wire import ChatChunks, encode_events, usage
from weir_server.fake_upstream.upstream import FakeUpstream

pytestmark = pytest.mark.usefixtures("needs_envoy")

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build/edge"
PAGE_PORT = 8000
"""Where the recipe expects the page."""
QUESTION = "What does a weir do?"
SAID = (
    "A weir holds a river back just enough: water gathers behind it, its level is known, and what "
    "flows over the crest is measured. Upstream may rise or fall; downstream sees a steady stream."
)
WORDS = SAID.split()
EVERY_S = 0.04

ANSWER = "document.querySelector('.assistant:last-child {}')?.textContent ?? ''"
TEXT, FACTS, REASON = (ANSWER.format(name) for name in (".text", ".facts", ".reason"))
OVER = "document.querySelector('.assistant:last-child:not(.running)') !== null"
LISTED = "document.querySelectorAll('#model option').length === 1"
FAILED = f"document.querySelectorAll('.failure').length === {{}} && ({OVER})"
WATCH = f"""
    window.seen = [];
    new MutationObserver(() => {{
        const length = ({TEXT}).length;
        if (length !== (window.seen.at(-1)?.length ?? 0)) {{
            window.seen.push({{ length, at_ms: performance.now(), over: {OVER} }});
        }}
    }}).observe(document.getElementById('talk'), {{ childList: true, subtree: true }});
"""


def said(words: Sequence[str], *, ending: Ending = Ending.CLEAN) -> Behaviour:
    """An answer word by word; one that ends well tells its usage."""
    chunks = ChatChunks()
    events = [chunks.role(), chunks.content(words[0])]
    events += [chunks.content(f" {word}") for word in words[1:]]
    if ending is Ending.CLEAN:
        events += [chunks.finish(), chunks.last_usage(usage(9, len(words)))]
    return Sse(
        events=encode_events(events, done=ending is Ending.CLEAN),
        delay_between_s=EVERY_S,
        ending=ending,
    )


class _Quiet(SimpleHTTPRequestHandler):
    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of each request."""


@contextmanager
def serving_files(folder: Path) -> Iterator[int]:
    """A server of files, such as `python -m http.server`; gives its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def put(built: Path, folder: Path, ports: Mapping[int, int]) -> None:
    """Copy the page for an Envoy at another port."""
    for file in built.iterdir():
        text = file.read_text(encoding="utf-8")
        for named, port in ports.items():
            text = text.replace(f"localhost:{named}", f"localhost:{port}")
        (folder / file.name).write_text(text, encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A page, the Envoy that it calls, and the Weir behind it."""

    page_url: str
    envoy_url: str
    weir: Weir
    upstream: FakeUpstream


@asynccontextmanager
async def edge(folder: Path, built_page: Path) -> AsyncIterator[Edge]:
    """The recipe as it stands, at ports that are free."""
    text = recipe("browser.yaml")
    page = folder / "page"
    page.mkdir()
    async with FakeUpstream() as upstream:
        tree = priced(upstream.url, max_retries=0)
        tree["default_model"] = "m"
        async with booking(tree, folder / "data") as weir:
            with serving_files(page) as page_port:
                text = text.replace(f":{PAGE_PORT}\n", f":{page_port}\n")
                ports = {WEIRS[0]: port_of(weir.app.address)}
                async with envoy(folder, text, ports) as port:
                    put(built_page, page, {listener_port(text): port})
                    yield Edge(
                        page_url=f"http://localhost:{page_port}/",
                        envoy_url=f"http://localhost:{port}",
                        weir=weir,
                        upstream=upstream,
                    )


def keep(name: str, png: bytes) -> None:
    """Keep a screenshot for people."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    (SCREENSHOTS / name).write_bytes(png)


async def ask(browser: Page, text: str) -> None:
    await browser.write("#prompt", text)
    await browser.click("#send")


async def test_tokens_appear_as_they_come(
    tmp_path: Path,
    built_page: Path,
    browser: Page,
    record_property: Callable[[str, object], None],
) -> None:
    """The text grows in many steps before the end, which tells usage and cost."""
    async with edge(tmp_path, built_page) as running:
        running.upstream.script(said(WORDS))
        await browser.open(running.page_url)
        await browser.until(LISTED)
        await browser.value(WATCH)
        await ask(browser, QUESTION)
        await browser.until(OVER)
        seen = await browser.value("window.seen")
        text, facts = await browser.value(TEXT), await browser.value(FACTS)
        running.upstream.script(said(["And", "so", "it", "goes."]))
        await ask(browser, "And on a calm day?")
        await browser.until(f"({OVER}) && ({FACTS}).includes('tokens')")
        keep("chat.png", await browser.screenshot())
        asked = json.loads(running.upstream.journal[1].body)
    before_the_end = [step for step in seen if not step["over"]]
    took_ms = before_the_end[-1]["at_ms"] - before_the_end[0]["at_ms"]
    record_property("steps", len(before_the_end))
    record_property("from_first_to_last_ms", took_ms)
    record_property("screenshot", (SCREENSHOTS / "chat.png").relative_to(ROOT))
    assert text == SAID
    assert len(before_the_end) >= len(WORDS) / 2
    assert took_ms > EVERY_S * 1000 * len(WORDS) / 2
    cost = (9 * 1_000 + len(WORDS) * 2_000) / 1e9
    assert facts.startswith(f"stop · 9 + {len(WORDS)} tokens · {cost:.6f} USD · ")
    # What was said before goes with the next question.
    assert [message["role"] for message in asked["messages"]] == ["user", "assistant", "user"]


async def test_stop_closes_the_upstream(tmp_path: Path, built_page: Path, browser: Page) -> None:
    """A click on Stop ends the provider's work, and the page tells what the books say of it."""
    async with edge(tmp_path, built_page) as running:
        running.upstream.script(said(WORDS[:5], ending=Ending.STALL))
        await browser.open(running.page_url)
        await browser.until(LISTED)
        await ask(browser, QUESTION)
        await browser.until(f"({TEXT}) === {json.dumps(' '.join(WORDS[:5]))}")
        await browser.click("#stop")
        await running.upstream.wait_closed(running.upstream.journal[0])
        await browser.until(OVER)
        facts = await browser.value(FACTS)
        text = await browser.value(TEXT)
        (row,) = await records(running.weir, 1)
    told = row.usage
    assert text == " ".join(WORDS[:5])
    assert row.state == CallState.CALL_STATE_SETTLED
    assert row.reason == ErrorReason.ERROR_REASON_CLIENT_CANCELLED
    assert told.completion_tokens > 0
    assert facts.startswith(f"stopped · {told.prompt_tokens} + {told.completion_tokens} tokens · ")


async def test_errors_are_told_with_their_facts(
    tmp_path: Path, built_page: Path, browser: Page
) -> None:
    """A break within an answer, a refusal of the provider, and one of Weir."""
    async with edge(tmp_path, built_page) as running:
        running.upstream.script(said(WORDS[:4], ending=Ending.RESET))
        await browser.open(running.page_url)
        await browser.until(LISTED)
        await ask(browser, QUESTION)
        await browser.until(FAILED.format(1))
        broken = await browser.value(REASON), await browser.value(TEXT)
        running.upstream.script(Reply(status=429, headers=(("retry-after", "60"),), body=b"{}"))
        await ask(browser, QUESTION)
        await browser.until(FAILED.format(2))
        refused = await browser.value(REASON), await browser.value(FACTS)
        await browser.value(
            "document.querySelector('#model').add(new Option('gone', 'models/gone', true, true))"
        )
        await ask(browser, QUESTION)
        await browser.until(FAILED.format(3))
        unknown = await browser.value(REASON)
        keep("failures.png", await browser.screenshot())
    assert refused[0] == "UPSTREAM_RATE_LIMITED"
    assert refused[1].startswith("RESOURCE_EXHAUSTED · try again in 60.0 s · req_")
    assert broken == ("UPSTREAM_STREAM_BROKEN", " ".join(WORDS[:4]))
    assert unknown == "MODEL_NOT_FOUND"
