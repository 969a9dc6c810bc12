"""Another configuration while calls run: none of them fails, and a bad one changes nothing."""

import asyncio
import json
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.service.asking import hear_rest, maybe_refused, refused, until
from tests.service.process import serving_process
from tests.service.test_drain import talk
from tests.service.weir import (
    ECHO,
    Weir,
    chat_request,
    in_this_process,
    serving,
    stream_request,
    upstream_tree,
)
from weir.admin.v1.admin_service_pb2 import (
    CircuitState,
    ExplainRouteRequest,
    ListTargetsRequest,
    SetCircuitStateRequest,
)
from weir.v1.model_service_pb2 import ListModelsRequest
from weir.v1.provider_service_pb2 import InitializeRequest, ProviderConfig
from weir_server.fake_upstream.faults import FAULTS
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.settings.changes import Changes
from weir_server.settings.load import SettingsInvalid, load, parse
from weir_server.settings.tree import Settings

CALLS = 200
AT_A_TIME = 20
TWO: Mapping[str, Any] = {
    "providers": [*ECHO["providers"], {"id": "other", "kind": "echo", "model": "echo"}],
    "models": [*ECHO["models"], {"name": "second", "provider": "other", "vendor_model": "echo"}],
}
"""ECHO with one more provider and one more model."""


def settings_of(tree: Mapping[str, Any]) -> Settings:
    """Settings that differ from those of `serving` by nothing but the tree."""
    return parse(in_this_process(tree), {}).settings


async def names(weir: Weir) -> list[str]:
    reply = await weir.models.ListModels(ListModelsRequest())
    return [model.name for model in reply.models]


async def test_what_is_new_is_there_and_what_is_gone_is_not(weir: Weir) -> None:
    """Providers and models come and go, and the report names them."""
    came = await weir.app.reload(settings_of(TWO))
    listed = await names(weir)
    reply = await weir.llm.Chat(chat_request("hello", model="second"))
    went = await weir.app.reload(settings_of(ECHO))
    refusal = await refused(weir.llm.Chat(chat_request("hello", model="second")))
    unknown = await refused(weir.llm.Chat(chat_request("hello", provider="other")))
    assert came == Changes(providers_added=("other",), models_added=("second",))
    assert listed == ["models/echo", "models/second"]
    assert reply.metadata.provider == "providers/other"
    assert went == Changes(providers_removed=("other",), models_removed=("second",))
    assert refusal.verdict == ("NOT_FOUND", "MODEL_NOT_FOUND")
    assert unknown.verdict == ("NOT_FOUND", "PROVIDER_NOT_FOUND")
    assert await names(weir) == ["models/echo"]


async def test_the_same_again_changes_nothing(weir: Weir) -> None:
    """A reload of what is there already is told as such."""
    assert await weir.app.reload(settings_of(ECHO)) == Changes()


async def test_no_call_fails_while_the_provider_is_replaced(upstream: FakeUpstream) -> None:
    """200 calls while the provider moves to and fro: all succeed, and the last move holds."""
    async with FakeUpstream() as there, serving(upstream_tree(upstream.url)) as weir:
        places = (settings_of(upstream_tree(there.url)), settings_of(upstream_tree(upstream.url)))
        begun = 0

        async def ask() -> list[object]:
            nonlocal begun
            failures: list[object] = []
            while begun < CALLS:
                begun += 1
                failures.append(await maybe_refused(weir.llm.Chat(chat_request("hi", model="m"))))
            return failures

        async def move() -> None:
            number = 0
            while begun < CALLS:
                changed = await weir.app.reload(places[number % 2])
                assert changed == Changes(providers_changed=("fake",))
                number += 1
                await asyncio.sleep(0.01)
            await weir.app.reload(places[0])

        *failures, _ = await asyncio.gather(*(ask() for _ in range(AT_A_TIME)), move())
        here_before, there_before = len(upstream.journal), len(there.journal)
        for _ in range(5):
            await weir.llm.Chat(chat_request("after", model="m"))
        here_after, there_after = len(upstream.journal), len(there.journal)
    assert [failure for some in failures for failure in some or ()] == [None] * CALLS
    assert here_before > 0
    assert there_before > 0
    assert (here_after, there_after) == (here_before, there_before + 5)


async def test_a_running_answer_outlives_its_provider() -> None:
    """A stream of a provider that is removed ends whole."""
    async with serving(TWO) as weir:
        call = weir.llm.StreamChat(stream_request(talk(1.0), model="second"))
        await call.read()
        await weir.app.reload(settings_of(ECHO))
        heard = await hear_rest(call)
    assert heard.text.endswith(" last")


async def test_a_call_that_waits_to_be_tried_again_finds_its_provider() -> None:
    """The provider is removed between two attempts; the second one is made all the same."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    tree = upstream_tree(f"http://127.0.0.1:{port}/v1", max_retries=10)
    tree["upstream"] |= {"retry_base_s": 0.5, "retry_cap_s": 0.5}
    async with serving(tree) as weir:
        call = asyncio.ensure_future(weir.llm.Chat(chat_request("hello", model="m")))
        await until(lambda: len(weir.app.server._open_calls) == 1)
        await asyncio.sleep(0.1)
        await weir.app.reload(settings_of(ECHO))
        async with FakeUpstream(port=port) as upstream:
            reply = await call
            attempts = len(upstream.journal)
        late = await refused(weir.llm.Chat(chat_request("hello", model="m")))
    assert reply.metadata.provider == "providers/fake"
    assert attempts == 1
    assert late.reason == "MODEL_NOT_FOUND"


async def test_what_did_not_change_keeps_its_connections(upstream: FakeUpstream) -> None:
    """A provider that both configurations have is not made again."""
    tree = upstream_tree(upstream.url)
    more = {**tree, "providers": [*tree["providers"], *ECHO["providers"]]}
    async with serving(tree) as weir:
        await weir.llm.Chat(chat_request("hello", model="m"))
        changed = await weir.app.reload(settings_of(more))
        await weir.llm.Chat(chat_request("hello", model="m"))
        first, second = (attempt.connection.number for attempt in upstream.journal)
    assert changed == Changes(providers_added=("echo",))
    assert first == second


async def test_a_key_is_rotated_by_its_file(tmp_path: Path, upstream: FakeUpstream) -> None:
    """The next call carries the new key; the report names the provider, not the key."""
    key, config = tmp_path / "key", tmp_path / "weir.yaml"
    tree = upstream_tree(upstream.url, api_key="file:key")
    config.write_text(json.dumps(in_this_process(tree)))
    key.write_text("sk-canary-old")
    async with serving(upstream_tree(upstream.url, api_key="sk-canary-old")) as weir:
        await weir.llm.Chat(chat_request("hello", model="m"))
        key.write_text("sk-canary-new\n")
        changed = await weir.app.reload(load(config).settings)
        await weir.llm.Chat(chat_request("hello", model="m"))
        keys = [attempt.bearer for attempt in upstream.journal]
    assert keys == ["sk-canary-old", "sk-canary-new"]
    assert changed == Changes(providers_changed=("fake",))


async def test_bad_settings_change_nothing(weir: Weir) -> None:
    """The third provider cannot be made: the first two are not there either, and all is told."""
    bad = {
        "providers": [
            *TWO["providers"],
            {"id": "third", "kind": "openai", "endpoint": "https://10.0.0.1/v1"},
            {"id": "fourth", "kind": "openai", "vendor": "nobody"},
        ],
        "models": TWO["models"],
    }
    with pytest.raises(SettingsInvalid) as refusal:
        await weir.app.reload(settings_of(bad))
    listed = await names(weir)
    await weir.llm.Chat(chat_request("hello", provider="echo"))
    unknown = await refused(weir.llm.Chat(chat_request("hello", provider="other")))
    assert [problem.where for problem in refusal.value.problems] == [
        "providers[2].endpoint",
        "providers[3].vendor",
    ]
    assert listed == ["models/echo"]
    assert unknown.reason == "PROVIDER_NOT_FOUND"
    assert await weir.app.reload(settings_of(ECHO)) == Changes()


async def test_what_needs_a_restart_is_named_and_the_rest_is_taken(weir: Weir) -> None:
    """Keys of the port, of the time limits and of admission wait; the new model does not."""
    tree = {
        **TWO,
        "server": {"drain_grace_s": 1, "max_deadline_s": 60},
        "upstream": {"idle_timeout_s": 1},
        "admission": {"open_calls_max": 10},
    }
    changed = await weir.app.reload(settings_of(tree))
    reply = await weir.llm.Chat(chat_request("hello", model="second"))
    again = await weir.app.reload(settings_of(tree))
    assert changed.needs_restart == (
        "server.drain_grace_s",
        "server.max_deadline_s",
        "upstream.idle_timeout_s",
        "admission.open_calls_max",
    )
    assert changed.models_added == ("second",)
    assert reply.metadata.provider == "providers/other"
    assert again == Changes(needs_restart=changed.needs_restart)


async def test_a_provider_that_was_mended_is_asked_at_once(upstream: FakeUpstream) -> None:
    """Its circuit was open for the old address; the new one has not failed anybody."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{one.getsockname()[1]}/v1"
    async with serving(upstream_tree(nowhere, max_retries=0)) as weir:
        reasons = [
            (await refused(weir.llm.Chat(chat_request("hello", model="m")))).reason
            for _ in range(10)  # five to open it, three trials
        ]
        await weir.app.reload(settings_of(upstream_tree(upstream.url, max_retries=0)))
        reply = await weir.llm.Chat(chat_request("hello", model="m"))
    assert reasons[-1] == "CIRCUIT_OPEN"
    assert reply.metadata.provider == "providers/fake"


async def test_resilience_is_taken_on(upstream: FakeUpstream) -> None:
    """One failure in a row opens the circuit as soon as the settings say so."""
    tree = upstream_tree(upstream.url, max_retries=0)
    breaker = {"consecutive_failures": 1, "trials": 1}
    upstream.script(*[FAULTS["unavailable"].behaviour] * 9)
    async with serving(tree) as weir:
        await refused(weir.llm.Chat(chat_request("hello", model="m")))
        changed = await weir.app.reload(settings_of({**tree, "resilience": {"breaker": breaker}}))
        reasons = [
            (await refused(weir.llm.Chat(chat_request("hello", model="m")))).reason
            for _ in range(3)  # the failure that opens it, and the one trial
        ]
    assert changed == Changes(others_changed=("resilience.breaker",))
    assert reasons == ["UPSTREAM_ERROR", "UPSTREAM_ERROR", "CIRCUIT_OPEN"]


async def test_what_was_learnt_of_targets_stays_and_their_settings_change(weir: Weir) -> None:
    """A circuit that an operator opened stays open; attempts and circuits go by the new numbers."""
    (before,) = (await weir.admin.ListTargets(ListTargetsRequest())).targets
    await weir.admin.SetCircuitState(
        SetCircuitStateRequest(name=before.name, circuit=CircuitState.CIRCUIT_STATE_FORCED_OPEN)
    )
    changed = await weir.app.reload(settings_of({**TWO, "resilience": {"max_attempts": 7}}))
    targets = (await weir.admin.ListTargets(ListTargetsRequest())).targets
    explained = await weir.admin.ExplainRoute(
        ExplainRouteRequest(request=chat_request("hello", model="second"))
    )
    states = {target.name: target.circuit for target in targets}
    assert "resilience.max_attempts" in changed.others_changed
    assert len(states) == 2
    assert states[before.name] == CircuitState.CIRCUIT_STATE_FORCED_OPEN
    assert explained.max_attempts == 7


async def test_what_callers_brought_in_stays(weir: Weir) -> None:
    """Until the configuration has a provider of that name, which then is the one."""
    config = ProviderConfig(provider_kind="echo", model="theirs")
    await weir.llm.Initialize(InitializeRequest(provider_id="other", config=config))
    await weir.app.reload(settings_of({**ECHO, "default_model": "echo"}))
    theirs = await weir.llm.Chat(chat_request("hello", provider="other"))
    await weir.app.reload(settings_of(TWO))
    ours = await weir.llm.Chat(chat_request("hello", provider="other"))
    renewal = await refused(
        weir.llm.Initialize(InitializeRequest(provider_id="other", config=config))
    )
    assert theirs.metadata.model == "theirs"
    assert ours.metadata.model == "echo"
    assert renewal.reason == "RESOURCE_EXISTS"


async def test_a_secret_that_callers_named_is_rotated_too(upstream: FakeUpstream) -> None:
    """A provider brought in by the name of a secret is asked with the secret's new value."""

    def tree(secret: str) -> dict[str, Any]:
        inside = {"private_hosts": ["127.0.0.1"], "allow_insecure_http": True}
        return {**ECHO, "upstream": inside, "secrets": {"prod": secret, "spare": "same"}}

    async with serving(tree("sk-canary-old")) as weir:
        config = ProviderConfig(endpoint=upstream.url, model="m", api_key_secret_ref="prod")
        await weir.llm.Initialize(InitializeRequest(provider_id="mine", config=config))
        changed = []
        for secret in ("sk-canary-old", "sk-canary-new", "sk-canary-newest"):
            changed.append(await weir.app.reload(settings_of(tree(secret))))
            await weir.llm.Chat(chat_request("hello", provider="mine"))
        keys = [attempt.bearer for attempt in upstream.journal]
    assert keys == ["sk-canary-old", "sk-canary-new", "sk-canary-newest"]
    assert changed == [Changes(), *[Changes(others_changed=("secrets.prod",))] * 2]


@pytest.mark.model
async def test_the_model_that_did_not_change_stays_loaded(tmp_path: Path) -> None:
    """Its process goes on over a reload; with other slots there is another one, then one again."""
    local = {"id": "local", "kind": "local"}
    tree = {"providers": [local], "server": {"drain_grace_s": 1}}
    this = psutil.Process()
    others = set(this.children())

    def engines() -> list[psutil.Process]:
        return [child for child in this.children() if child not in others]

    async with serving(tree) as weir:
        [before] = engines()
        await weir.app.reload(
            settings_of({**tree, "providers": [local, {"id": "echo", "kind": "echo"}]})
        )
        same = engines()
        await weir.app.reload(settings_of({**tree, "providers": [{**local, "slots": 2}]}))
        both = engines()
        await until(lambda: not before.is_running() or before.status() == "zombie")
        left = [child for child in engines() if child.status() != "zombie"]
    assert same == [before]
    assert len(both) == 2
    assert left == [child for child in both if child != before]


async def test_sighup_reads_the_configuration_again(tmp_path: Path) -> None:
    """A good file is taken with one event; a bad one is refused with one, key and fix in it."""
    async with serving_process(tmp_path, ECHO) as server:
        config = tmp_path / "weir.yaml"
        listen = {"server": {"listen": "127.0.0.1:0"}}
        config.write_text(json.dumps({**TWO, **listen}))
        server.process.send_signal(signal.SIGHUP)
        await until(lambda: len(server.log_lines("reloaded")) == 1)
        reply = await server.llm.Chat(chat_request("hello", model="second"))

        config.write_text(json.dumps({**TWO, **listen, "modles": []}))
        server.process.send_signal(signal.SIGHUP)
        await until(lambda: len(server.log_lines("reload_refused")) == 1)
        still = await server.llm.Chat(chat_request("hello", model="second"))
        # The bad file was looked at already: it is not refused a second time.
        await asyncio.sleep(2.5)
        server.process.terminate()
        code = await server.process.wait()
    [taken] = server.log_lines("reloaded")
    [refusal] = server.log_lines("reload_refused")
    assert (taken["why"], taken["providers_added"], taken["models_added"]) == (
        "signal",
        ["other"],
        ["second"],
    )
    assert refusal["problems"] == ["modles: is no key that Weir knows; check its spelling"]
    assert reply.message == still.message
    assert code == 0


async def test_a_changed_file_is_noticed(tmp_path: Path, upstream: FakeUpstream) -> None:
    """The file with a key, and the configuration put in place of the old one, without a signal."""
    key = tmp_path / "key"
    key.write_text("sk-canary-old")
    tree = upstream_tree(upstream.url, api_key="file:key")
    async with serving_process(tmp_path, tree) as server:
        await server.llm.Chat(chat_request("hello", model="m"))
        key.write_text("sk-canary-new")
        await until(lambda: len(server.log_lines("reloaded")) == 1, timeout_s=8)
        await server.llm.Chat(chat_request("hello", model="m"))

        fresh = tmp_path / "fresh.yaml"
        models = [*tree["models"], {"name": "n", "provider": "fake"}]
        fresh.write_text(
            json.dumps({**tree, "models": models, "server": {"listen": "127.0.0.1:0"}})
        )
        fresh.replace(tmp_path / "weir.yaml")
        await until(lambda: len(server.log_lines("reloaded")) == 2, timeout_s=8)
        await server.llm.Chat(chat_request("hello", model="n"))
        log = server.log_file.read_text()
    first, second = server.log_lines("reloaded")
    assert [attempt.bearer for attempt in upstream.journal] == [
        "sk-canary-old",
        "sk-canary-new",
        "sk-canary-new",
    ]
    assert (first["why"], first["providers_changed"]) == ("file", ["fake"])
    assert (second["why"], second["models_added"]) == ("file", ["n"])
    assert "canary" not in log


async def test_all_workers_reload_and_one_that_is_new_too(tmp_path: Path) -> None:
    """SIGHUP reaches each; with a bad file a dead worker comes back with the last good one."""
    async with serving_process(tmp_path, ECHO, workers=2) as server:
        config = tmp_path / "weir.yaml"
        listen = {"server": {"listen": "127.0.0.1:0", "workers": 2}}
        config.write_text(json.dumps({**TWO, **listen}))
        server.process.send_signal(signal.SIGHUP)
        await until(lambda: len(server.log_lines("reloaded")) == 2)
        psutil.Process(server.log_lines("worker_started")[0]["pid"]).kill()
        await until(lambda: len(server.log_lines("worker_restarted")) == 1, timeout_s=20)

        config.write_text("modles: []")
        await until(lambda: len(server.log_lines("reload_refused")) == 2, timeout_s=8)
        psutil.Process(server.log_lines("worker_restarted")[0]["pid"]).kill()
        await until(lambda: len(server.log_lines("worker_restarted")) == 2, timeout_s=20)
        replies = [
            await server.llm.Chat(chat_request("hello", model="second"), wait_for_ready=True)
            for _ in range(4)
        ]
        server.process.terminate()
        code = await server.process.wait()
    assert {line["worker"] for line in server.log_lines("reloaded")} == {1, 2}
    assert {reply.metadata.provider for reply in replies} == {"providers/other"}
    assert code == 0
