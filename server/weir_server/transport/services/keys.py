"""How do operators make, see, change and revoke keys?"""

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

from google.protobuf.timestamp_pb2 import Timestamp

from weir.admin.v1.key_admin_service_pb2 import (
    CreateKeyRequest,
    CreateKeyResponse,
    GetKeyRequest,
    GetKeyResponse,
    Key,
    KeyRole,
    KeyState,
    ListKeysRequest,
    ListKeysResponse,
    RateLimits,
    RevokeKeyRequest,
    RevokeKeyResponse,
    RotateKeyRequest,
    RotateKeyResponse,
    UpdateKeyRequest,
    UpdateKeyResponse,
)
from weir.v1.error_pb2 import FieldViolation
from weir_server.core.caller import RateQuota, Role
from weir_server.core.clock import Clock
from weir_server.core.errors import FeatureDisabled, InvalidRequest
from weir_server.core.keys import StoredKey
from weir_server.identity.ring import KeyRing
from weir_server.transport.methods import Rpc
from weir_server.transport.services.paging import bad_token, make_token, read_token
from weir_server.validation.keys import (
    validate_create_key,
    validate_get_key,
    validate_list_keys,
    validate_revoke_key,
    validate_rotate_key,
    validate_update_key,
)
from weir_server.validation.limits import ValidationLimits

PAGE_SIZE_DEFAULT = 100

_ROLES = {Role.CALLER: KeyRole.KEY_ROLE_CALLER, Role.OPERATOR: KeyRole.KEY_ROLE_OPERATOR}
_LIMITS = ("requests_per_minute", "tokens_per_minute", "concurrent_calls")


class KeyAdmin:
    """Serves KeyAdminService. Without a ring every method raises FeatureDisabled: it is off."""

    def __init__(self, ring: KeyRing | None, *, clock: Clock, limits: ValidationLimits) -> None:
        self._of_server = ring
        self._clock = clock
        self._limits = limits

    async def create_key(self, _rpc: Rpc, request: CreateKeyRequest) -> CreateKeyResponse:
        """Make a key, and tell its secret this once."""
        ring = self._ring()
        validate_create_key(request, self._limits)
        self._refuse_past(request.key)
        draft = StoredKey(
            name="",
            tenant=request.key.tenant,
            role=_role(request.key.role),
            digest=b"",
            secret_prefix="",
            created_ns=0,
        )
        for change in _CHANGES.values():
            draft = change(draft, request.key)
        key, secret = await ring.create(draft)
        return CreateKeyResponse(key=self._message(key), secret=secret)

    async def get_key(self, _rpc: Rpc, request: GetKeyRequest) -> GetKeyResponse:
        """Tell one key. Raises KeyNotFound."""
        ring = self._ring()
        validate_get_key(request, self._limits)
        return GetKeyResponse(key=self._message(await ring.get(request.name)))

    async def list_keys(self, _rpc: Rpc, request: ListKeysRequest) -> ListKeysResponse:
        """List keys, the newest first, page by page. Raises PageTokenInvalid."""
        ring = self._ring()
        validate_list_keys(request, self._limits)
        size = request.page_size or PAGE_SIZE_DEFAULT
        after = _position(read_token(request.page_token, request.tenant))
        # One more than asked for tells whether there is another page.
        found = await ring.page(tenant=request.tenant, after=after, size=size + 1)
        response = ListKeysResponse(keys=map(self._message, found[:size]))
        if len(found) > size:
            last = found[size - 1]
            response.next_page_token = make_token(f"{last.created_ns}:{last.name}", request.tenant)
        return response

    async def update_key(self, _rpc: Rpc, request: UpdateKeyRequest) -> UpdateKeyResponse:
        """Change what a key may do. Raises KeyNotFound."""
        ring = self._ring()
        validate_update_key(request, self._limits)
        paths = request.update_mask.paths
        if "expire_time" in paths:
            self._refuse_past(request.key)

        def changed(key: StoredKey) -> StoredKey:
            for path in paths:
                key = _CHANGES[path](key, request.key)
            return key

        return UpdateKeyResponse(key=self._message(await ring.update(request.key.name, changed)))

    async def rotate_key(self, _rpc: Rpc, request: RotateKeyRequest) -> RotateKeyResponse:
        """Give a key another secret, and tell it this once. Raises KeyNotFound."""
        ring = self._ring()
        validate_rotate_key(request, self._limits)
        overlap_ns = request.overlap.ToNanoseconds()
        key, secret = await ring.rotate(request.name, overlap_ns=overlap_ns)
        return RotateKeyResponse(key=self._message(key), secret=secret)

    async def revoke_key(self, _rpc: Rpc, request: RevokeKeyRequest) -> RevokeKeyResponse:
        """End a key for good. Raises KeyNotFound."""
        ring = self._ring()
        validate_revoke_key(request, self._limits)
        return RevokeKeyResponse(key=self._message(await ring.revoke(request.name)))

    def _ring(self) -> KeyRing:
        if self._of_server is None:
            raise FeatureDisabled(metadata={"feature": "admin"})
        return self._of_server

    def _refuse_past(self, key: Key) -> None:
        """Raise InvalidRequest for a key that would have ended already."""
        if not key.HasField("expire_time"):
            return
        if key.expire_time.ToNanoseconds() <= self._clock.wall_ns():
            violation = FieldViolation(
                field="key.expire_time",
                rule="OUT_OF_RANGE",
                description="Give a time that is still to come; RevokeKey ends a key now.",
            )
            raise InvalidRequest(violations=[violation])

    def _message(self, key: StoredKey) -> Key:
        """Return what is told of a key."""
        message = Key(
            name=key.name,
            display_name=key.display_name,
            tenant=key.tenant,
            role=_ROLES[key.role],
            models=key.models,
            labels=key.labels,
            create_time=_time(key.created_ns),
            state=_state(key, self._clock.wall_ns()),
            secret_prefix=key.secret_prefix,
        )
        for limit in _LIMITS:
            if (value := getattr(key.quota, limit)) is not None:
                setattr(message.limits, limit, value)
        if key.expires_ns is not None:
            message.expire_time.CopyFrom(_time(key.expires_ns))
        if key.revoked_ns is not None:
            message.revoke_time.CopyFrom(_time(key.revoked_ns))
        return message


def _quota(limits: RateLimits) -> RateQuota:
    asked = {field.name: value for field, value in limits.ListFields()}
    return RateQuota(**{limit: asked.get(limit) for limit in _LIMITS})


# By the names of the fields that a mask may have.
_CHANGES: dict[str, Callable[[StoredKey, Key], StoredKey]] = {
    "display_name": lambda kept, asked: replace(kept, display_name=asked.display_name),
    "models": lambda kept, asked: replace(kept, models=tuple(dict.fromkeys(asked.models))),
    "limits": lambda kept, asked: replace(kept, quota=_quota(asked.limits)),
    "labels": lambda kept, asked: replace(kept, labels=MappingProxyType(dict(asked.labels))),
    "expire_time": lambda kept, asked: replace(
        kept,
        expires_ns=asked.expire_time.ToNanoseconds() if asked.HasField("expire_time") else None,
    ),
}


def _role(role: KeyRole.ValueType) -> Role:
    return Role.OPERATOR if role == KeyRole.KEY_ROLE_OPERATOR else Role.CALLER


def _state(key: StoredKey, now_ns: int) -> KeyState.ValueType:
    if key.revoked_ns is not None:
        return KeyState.KEY_STATE_REVOKED
    if key.expires_ns is not None and key.expires_ns <= now_ns:
        return KeyState.KEY_STATE_EXPIRED
    return KeyState.KEY_STATE_ACTIVE


def _time(time_ns: int) -> Timestamp:
    moment = Timestamp()
    moment.FromNanoseconds(time_ns)
    return moment


def _position(text: str) -> tuple[int, str] | None:
    """Read where a page ended. Raises PageTokenInvalid."""
    if not text:
        return None
    created, _, name = text.partition(":")
    if not created.isascii() or not created.isdigit() or len(created) > 19:
        raise bad_token()
    return int(created), name
