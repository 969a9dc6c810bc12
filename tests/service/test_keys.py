"""Keys on a running server: who pays, what they may use, how they end, where secrets are not."""

import base64
import stat
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from tests.service.asking import logged, refused, until
from tests.service.weir import ECHO, chat_request, serving, upstream_tree
from tests.service.with_keys import OPERATOR, Keyed, serving_keyed, showing
from weir.admin.v1.key_admin_service_pb2 import (
    CreateKeyRequest,
    GetKeyRequest,
    Key,
    KeyState,
    ListKeysRequest,
    RateLimits,
    RevokeKeyRequest,
    RotateKeyRequest,
    UpdateKeyRequest,
)
from weir.admin.v1.key_admin_service_pb2_grpc import KeyAdminServiceStub
from weir.v1.model_service_pb2 import GetModelRequest, ListModelsRequest
from weir.v1.provider_service_pb2 import (
    CountTokensRequest,
    InitializeRequest,
    ProviderConfig,
)
from weir_server.fake_upstream.upstream import FakeUpstream
from weir_server.opening import CannotOpen

TWO_MODELS = {
    "providers": ECHO["providers"],
    "models": [
        {"name": "fast", "provider": "echo", "aliases": ["quick"], "fallback_models": ["deep"]},
        {"name": "deep", "provider": "echo"},
    ],
}
DENIED = ("PERMISSION_DENIED", "MODEL_NOT_ALLOWED")
INVALID = ("UNAUTHENTICATED", "API_KEY_INVALID")
DISABLED = ("UNAUTHENTICATED", "API_KEY_DISABLED")


async def chat(keyed: Keyed, secret: str, **fields: Any) -> Any:
    return await keyed.weir.llm.Chat(chat_request("hello", **fields), metadata=showing(secret))


# --- who calls ------------------------------------------------------------------------------------


async def test_the_log_names_tenant_and_key(tmp_path: Path) -> None:
    """And neither for who was refused."""
    async with serving_keyed(tmp_path) as keyed:
        key, secret = await keyed.create()
        await chat(keyed, secret)
        await refused(chat(keyed, "wrong"))
        _, good, bad = await logged(keyed.weir, 3)
    assert (good["tenant"], good["key"]) == ("search", key.name)
    assert "tenant" not in bad
    assert "key" not in bad


async def test_operators_call_for_any_tenant_and_callers_for_their_own(tmp_path: Path) -> None:
    """`weir-tenant` is believed of operators; of a caller it has to agree with the key."""
    async with serving_keyed(tmp_path) as keyed:
        _, secret = await keyed.create()
        llm = keyed.weir.llm
        for shown in (
            showing(keyed.operator_secret, weir_tenant="other"),
            showing(secret, weir_tenant="search"),
        ):
            await llm.Chat(chat_request("hello"), metadata=shown)
        other = showing(secret, weir_tenant="other")
        refusal = await refused(llm.Chat(chat_request("hello"), metadata=other))
        lines = await logged(keyed.weir, 4)
    assert refusal.verdict == ("PERMISSION_DENIED", "PERMISSION_DENIED")
    assert dict(refusal.details["ErrorInfo"].metadata) == {"method": "Chat", "cause": "weir-tenant"}
    assert [line["tenant"] for line in lines[1:]] == ["other", "search", "search"]


async def test_open_is_for_everybody_but_who_shows_a_wrong_key(tmp_path: Path) -> None:
    """Without configuration, on loopback: no key is asked for, one that is shown has to be good."""
    tree = {**ECHO, "ledger": {"enabled": True}}
    async with serving(tree, server={"data_dir": str(tmp_path)}) as weir:
        keys = KeyAdminServiceStub(weir.channel)
        made = await keys.CreateKey(CreateKeyRequest(key=Key(tenant="search")))
        llm = weir.llm
        for shown in ((), showing(made.secret), (("weir-tenant", "other"),)):
            await llm.Chat(chat_request("hello"), metadata=shown)
        refusal = await refused(llm.Chat(chat_request("hello"), metadata=showing("wrong")))
        lines = await logged(weir, 5)
    assert refusal.verdict == INVALID
    assert [line.get("tenant") for line in lines[1:]] == ["default", "search", "other", None]
    assert not (tmp_path / "operator.key").exists()


async def test_wrong_keys_have_one_text_then_a_wait(tmp_path: Path) -> None:
    """Near and far misses read alike; the eleventh of a minute is told when to come again."""
    async with serving_keyed(tmp_path) as keyed:
        _, secret = await keyed.create()
        await chat(keyed, secret)
        wrong = [secret[:-1], secret + "A", "' OR 1=1 --", "x" * 1000, secret[::-1]]
        refusals = [await refused(chat(keyed, each)) for each in wrong * 2]
        limited = await refused(chat(keyed, "' OR 1=1 --"))
        await chat(keyed, secret)
    assert {refusal.verdict for refusal in refusals} == {INVALID}
    assert len({refusal.text for refusal in refusals}) == 1
    assert len({str(refusal.details) for refusal in refusals}) > 1, "each has its own response id"
    assert {len(refusal.details) for refusal in refusals} == {2}
    assert limited.verdict == ("RESOURCE_EXHAUSTED", "RATE_LIMITED")
    assert 50 < limited.details["RetryInfo"].retry_delay.seconds <= 60
    assert int(limited.trailers["grpc-retry-pushback-ms"]) > 50_000


async def test_a_refused_call_never_meets_a_fallback(tmp_path: Path) -> None:
    """Not the model's, not the caller's own, and no provider hears of it."""
    async with serving_keyed(tmp_path, TWO_MODELS) as keyed:
        request = chat_request("hello", model="fast")
        request.options.routing.fallback_models.append("deep")
        refusal = await refused(keyed.weir.llm.Chat(request, metadata=showing("wrong")))
        (line,) = await logged(keyed.weir, 1)
    assert refusal.verdict == INVALID
    assert "weir-route" not in refusal.trailers
    assert "provider" not in line
    assert "attempts" not in line


# --- what a key may use ---------------------------------------------------------------------------


async def test_a_key_uses_its_models_alone(tmp_path: Path) -> None:
    """By name, by alias, at the provider, in streams, counts, lists and as a fallback."""
    async with serving_keyed(tmp_path, TWO_MODELS) as keyed:
        _, secret = await keyed.create(models=["models/fast"])
        shown = showing(secret)
        weir = keyed.weir
        await chat(keyed, secret, model="quick")
        await chat(keyed, secret)
        assert (await refused(chat(keyed, secret, model="gone"))).reason == "MODEL_NOT_FOUND"
        falling = chat_request("hello", model="fast")
        falling.options.routing.fallback_models.append("deep")
        for call in (
            chat(keyed, secret, model="deep"),
            chat(keyed, secret, model="unlisted", provider="providers/echo"),
            weir.llm.Chat(falling, metadata=shown),
            weir.llm.CountTokens(CountTokensRequest(text="a", model="deep"), metadata=shown),
            weir.models.GetModel(GetModelRequest(name="models/deep"), metadata=shown),
        ):
            refusal = await refused(call)
            assert refusal.verdict == DENIED
            assert refusal.details["ErrorInfo"].metadata["model"] in (
                "models/deep",
                "models/unlisted",
            )
        listed = await weir.models.ListModels(ListModelsRequest(), metadata=shown)
        of_operator = await weir.models.ListModels(ListModelsRequest(), metadata=keyed.operator)
        told = await weir.models.GetModel(GetModelRequest(name="quick"), metadata=shown)
    assert [model.name for model in listed.models] == ["models/fast"] == [told.model.name]
    assert [model.name for model in of_operator.models] == ["models/deep", "models/fast"]


async def test_a_provider_that_was_brought_in_belongs_to_its_tenant(tmp_path: Path) -> None:
    """Callers of another tenant do not find it, and no other may take its name."""
    async with serving_keyed(tmp_path) as keyed:
        _, own = await keyed.create("search")
        _, others = await keyed.create("ads")
        request = InitializeRequest(
            provider_id="mine", config=ProviderConfig(provider_kind="echo", model="echo")
        )
        for_search = showing(keyed.operator_secret, weir_tenant="search")
        for_ads = showing(keyed.operator_secret, weir_tenant="ads")
        made = await keyed.weir.llm.Initialize(request, metadata=for_search)
        taken = await refused(keyed.weir.llm.Initialize(request, metadata=for_ads))
        await chat(keyed, own, provider=made.provider)
        refusal = await refused(chat(keyed, others, provider=made.provider))
        never = await refused(chat(keyed, others, provider="providers/never"))
    assert taken.reason == "RESOURCE_EXISTS"
    assert refusal.verdict == never.verdict == ("NOT_FOUND", "PROVIDER_NOT_FOUND")
    assert refusal.text == never.text


# --- how keys come and go -------------------------------------------------------------------------


async def test_a_key_is_told_without_its_secret(tmp_path: Path) -> None:
    """Created, got and listed it is the same, and only its creation has the secret."""
    async with serving_keyed(tmp_path) as keyed:
        asked = Key(
            display_name="search, production",
            role=OPERATOR,
            models=["models/echo", "models/e*"],
            limits=RateLimits(requests_per_minute=60, concurrent_calls=4),
            labels={"team": "x"},
        )
        asked.expire_time.FromSeconds(4_000_000_000)
        fields = {descriptor.name: value for descriptor, value in asked.ListFields()}
        key, secret = await keyed.create("search", **fields)
        got = await keyed.keys.GetKey(GetKeyRequest(name=key.name), metadata=keyed.operator)
        (listed, first) = (
            await keyed.keys.ListKeys(ListKeysRequest(), metadata=keyed.operator)
        ).keys
    assert got.key == listed == key
    assert first.tenant == "operators"
    assert (key.state, key.secret_prefix) == (KeyState.KEY_STATE_ACTIVE, secret[:12])
    for field, value in fields.items():
        assert getattr(key, field) == value
    assert secret not in str(key)


async def test_pages_of_keys(tmp_path: Path) -> None:
    """The newest first; a token fits its own question alone."""
    async with serving_keyed(tmp_path) as keyed:
        names = [(await keyed.create("a" if n % 2 else "b"))[0].name for n in range(5)]
        seen, tokens = [], [""]
        for _ in range(3):
            request = ListKeysRequest(tenant="b", page_size=1, page_token=tokens[-1])
            page = await keyed.keys.ListKeys(request, metadata=keyed.operator)
            seen += [key.name for key in page.keys]
            tokens.append(page.next_page_token)
        assert (seen, tokens[-1]) == ([names[4], names[2], names[0]], "")
        forged = base64.urlsafe_b64encode(b"00000000:1; DROP TABLE keys:x").decode()
        for bad in ("' OR 1=1", forged, tokens[1]):
            request = ListKeysRequest(page_token=bad)
            refusal = await refused(keyed.keys.ListKeys(request, metadata=keyed.operator))
            assert refusal.verdict == ("INVALID_ARGUMENT", "PAGE_TOKEN_INVALID")


async def test_an_update_changes_what_its_mask_names(tmp_path: Path) -> None:
    """At once on this server, and nothing else of the key."""
    async with serving_keyed(tmp_path, TWO_MODELS) as keyed:
        key, secret = await keyed.create(display_name="old", models=["models/fast"])
        await chat(keyed, secret)
        wanted = Key(name=key.name, tenant="other", display_name="new", models=["models/deep"])
        request = UpdateKeyRequest(key=wanted, update_mask=FieldMask(paths=["models"]))
        updated = (await keyed.keys.UpdateKey(request, metadata=keyed.operator)).key
        assert (await refused(chat(keyed, secret, model="fast"))).verdict == DENIED
        await chat(keyed, secret, model="deep")
    assert (updated.display_name, updated.tenant) == ("old", "search")
    assert list(updated.models) == ["models/deep"]


async def test_a_key_cannot_have_ended_already(tmp_path: Path) -> None:
    """An end in the past is a mistake; RevokeKey ends a key."""
    async with serving_keyed(tmp_path) as keyed:
        past = Key(tenant="search")
        past.expire_time.FromSeconds(1_000_000_000)
        create = keyed.keys.CreateKey(CreateKeyRequest(key=past), metadata=keyed.operator)
        assert (await refused(create)).fields == ["key.expire_time"]


async def test_rotation_fails_no_call(tmp_path: Path) -> None:
    """The old secret works for the overlap, the new one at once."""
    async with serving_keyed(tmp_path) as keyed:
        key, old = await keyed.create()
        await chat(keyed, old)
        request = RotateKeyRequest(name=key.name)
        request.overlap.FromSeconds(60)
        rotated = await keyed.keys.RotateKey(request, metadata=keyed.operator)
        await chat(keyed, old)
        await chat(keyed, rotated.secret)
        again = await keyed.keys.RotateKey(RotateKeyRequest(name=key.name), metadata=keyed.operator)
        assert (await refused(chat(keyed, old))).verdict == INVALID
        assert (await refused(chat(keyed, rotated.secret))).verdict == DISABLED
        await chat(keyed, again.secret)


async def test_a_revoked_key_ends_here_at_once_and_soon_elsewhere(tmp_path: Path) -> None:
    """A second server on the same database takes it no longer than its cache remembers it."""
    async with serving_keyed(tmp_path) as keyed, serving_keyed(tmp_path, cache_s=0.2) as other:
        key, secret = await keyed.create()
        await chat(keyed, secret)
        await chat(other, secret)
        revoke = RevokeKeyRequest(name=key.name)
        revoked = await keyed.keys.RevokeKey(revoke, metadata=keyed.operator)
        assert revoked.key.state == KeyState.KEY_STATE_REVOKED
        assert (await refused(chat(keyed, secret))).verdict == DISABLED
        codes: list[str] = []

        async def is_refused() -> bool:
            codes.append((await other.weir.stream("hello", metadata=showing(secret))).code.name)
            return codes[-1] != "OK"

        while not await is_refused():
            assert len(codes) < 1000
        assert codes[-1] == "UNAUTHENTICATED"


async def test_servers_on_one_database_share_keys(tmp_path: Path, postgres_url: str) -> None:
    """With one hash key, which has to be given; the first of them alone has the operator's."""
    tree = {**ECHO, "ledger": {"enabled": False, "url": postgres_url}}
    with pytest.raises(CannotOpen, match=r"^identity\.hash_key: .*share this too"):
        await serving_keyed(tmp_path, tree).__aenter__()
    one, two = tmp_path / "one", tmp_path / "two"
    hash_key = "k" * 32
    async with (
        serving_keyed(one, tree, hash_key=hash_key) as first,
        serving_keyed(two, tree, hash_key=hash_key, cache_s=0.05) as second,
    ):
        key, secret = await first.create()
        await chat(second, secret)
        got = await second.keys.GetKey(GetKeyRequest(name=key.name), metadata=first.operator)
    assert got.key == key
    assert (one / "operator.key").exists()
    assert not (two / "operator.key").exists()


async def test_a_key_that_is_not_there(tmp_path: Path) -> None:
    """KEY_NOT_FOUND, by whichever RPC."""
    async with serving_keyed(tmp_path) as keyed:
        name = "keys/none"
        update = UpdateKeyRequest(key=Key(name=name), update_mask=FieldMask(paths=["labels"]))
        for call in (
            keyed.keys.GetKey(GetKeyRequest(name=name), metadata=keyed.operator),
            keyed.keys.UpdateKey(update, metadata=keyed.operator),
            keyed.keys.RotateKey(RotateKeyRequest(name=name), metadata=keyed.operator),
            keyed.keys.RevokeKey(RevokeKeyRequest(name=name), metadata=keyed.operator),
        ):
            refusal = await refused(call)
            assert refusal.verdict == ("NOT_FOUND", "KEY_NOT_FOUND")
            assert refusal.details["ResourceInfo"].resource_name == name


async def test_without_a_place_for_keys_there_is_no_key_service() -> None:
    """An open Weir that keeps no books says so."""
    async with serving(ECHO) as weir:
        call = KeyAdminServiceStub(weir.channel).ListKeys(ListKeysRequest())
        refusal = await refused(call)
    assert refusal.verdict == ("UNIMPLEMENTED", "FEATURE_DISABLED")


# --- where secrets are not ------------------------------------------------------------------------


def kept_in(folder: Path) -> tuple[dict[str, bytes], dict[str, int]]:
    """The files of a data directory, and who may do what with each."""
    files = list(folder.iterdir())
    return (
        {path.name: path.read_bytes() for path in files},
        {path.name: stat.S_IMODE(path.stat().st_mode) for path in files},
    )


async def test_a_key_stays_with_weir(tmp_path: Path, upstream: FakeUpstream) -> None:
    """The provider is asked with its own, and told nothing of the caller's or its tenant."""
    async with serving_keyed(tmp_path, upstream_tree(upstream.url)) as keyed:
        key, secret = await keyed.create()
        await chat(keyed, secret, model="m")
    (attempt,) = upstream.journal
    sent = repr(list(attempt.headers.items())) + attempt.target
    assert attempt.bearer == "sk-test-canary-key"
    for told in (secret, key.name, "weir-tenant"):
        assert told not in sent


@pytest.mark.parametrize("hash_key", [None, "canary-hash-key-" * 3])
async def test_no_secret_shows_anywhere(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], hash_key: str | None
) -> None:
    """Not in logs, statuses, trailers, the database or on the console; files are their owner's."""
    heard: list[Any] = []
    identity: dict[str, Any] = {"hash_key": hash_key} if hash_key else {}
    async with serving_keyed(tmp_path, **identity) as keyed:
        operator = keyed.operator_secret
        key, secret = await keyed.create(display_name="shown")
        wrong = "weir_sk_" + "canary" * 7
        heard.append(await keyed.weir.stream("hello", metadata=showing(secret)))
        heard.append(await keyed.weir.stream("hello", metadata=showing(wrong)))
        heard.append(await refused(chat(keyed, f"{secret}x")))
        get = keyed.keys.GetKey(GetKeyRequest(name=key.name), metadata=showing(secret))
        heard.append(await refused(get))
        rotate = RotateKeyRequest(name=key.name)
        rotated = await keyed.keys.RotateKey(rotate, metadata=keyed.operator)
        heard.append(rotated.key)
        heard.append(await refused(chat(keyed, secret)))
        await until(lambda: len(keyed.weir.log_lines("rpc")) >= 7)
    bodies = [each.removeprefix("weir_sk_")[4:] for each in (operator, secret, rotated.secret)]
    canaries = [*bodies, "canary", wrong]
    files, modes = kept_in(tmp_path)
    secret_file = files.pop("operator.key").decode()
    hashes = files.pop("identity.key", b"canary-of-hashes")
    assert secret_file.strip() == operator
    assert modes["operator.key"] == modes.get("identity.key", 0o600) == 0o600
    sinks = {
        "log": keyed.weir.log_bytes.getvalue(),
        "console": "".join(capfd.readouterr()).encode(),
        "heard": repr(heard).encode(),
        **files,
    }
    for name, content in sinks.items():
        for canary in (*(each.encode() for each in canaries), hashes):
            assert canary not in content, name
