"""What can a protocol not say of a request? A draft of the body, with every such field named."""

from collections.abc import Mapping, Sequence

import msgspec

from weir.v1.error_pb2 import FieldViolation
from weir.v1.generation_pb2 import (
    UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING,
    UNSUPPORTED_OPTION_POLICY_UNSPECIFIED,
    ProviderExtension,
    UnsupportedOptionPolicy,
)
from weir.v1.generation_pb2 import Warning as WarningEvent
from weir_server.core.errors import InvalidRequest, UnsupportedModality, UnsupportedOption

DROPPED = "OPTION_DROPPED"
"""The code of the warning about an option that was left out."""
PART_DROPPED = "PART_DROPPED"
"""The code of the warning about something of earlier turns that was left out."""
WRAPPED = "ARGUMENTS_WRAPPED"
"""The code of the warning about a call's arguments that were put into an object."""
MOVED = "MESSAGE_MOVED"
"""The code of the warning about instructions in the middle of a conversation."""
ROUNDED = "OPTION_ROUNDED"
"""The code of the warning about an option that the provider has in coarser steps."""
NOTHING_NESTED: Mapping[str, frozenset[str]] = {}


class Draft:
    """The JSON body of a request while it is written.

    unsupported: options that the vendor does not support, by path below `options`.
    policy: whether such options are refused, or left out with a warning.
    """

    __slots__ = ("_kinds", "_may_drop", "_unsupported", "_violations", "body", "warnings")

    def __init__(
        self,
        body: dict[str, object],
        *,
        unsupported: frozenset[str] = frozenset(),
        policy: UnsupportedOptionPolicy.ValueType = UNSUPPORTED_OPTION_POLICY_UNSPECIFIED,
    ) -> None:
        self.body = body
        self.warnings: list[WarningEvent] = []
        self._unsupported = unsupported
        self._may_drop = policy == UNSUPPORTED_OPTION_POLICY_DROP_WITH_WARNING
        self._violations: list[FieldViolation] = []
        self._kinds: set[type[InvalidRequest]] = set()

    def set(self, option: str, field: str, value: object) -> None:
        """Write an option of the caller's, unless the vendor does not support it."""
        if option in self._unsupported:
            self.unsupported(option)
        else:
            self.body[field] = value

    def unsupported(self, option: str) -> None:
        """Name an option that cannot be asked for."""
        self.unsupported_field(f"options.{option}")

    def rounded(self, option: str) -> None:
        """Name an option that is asked for by the nearest step that the protocol has."""
        self.warnings.append(
            WarningEvent(
                code=ROUNDED,
                message="The provider has no such step; the nearest that it has was asked for.",
                field=f"options.{option}",
            )
        )

    def unsupported_field(self, path: str) -> None:
        """Name a field, of a message as of the options, that the vendor has no word for."""
        if self._may_drop:
            self.warnings.append(
                WarningEvent(
                    code=DROPPED,
                    message="The provider does not support this option; it was left out.",
                    field=path,
                )
            )
            return
        self.refuse(
            path,
            "The provider does not support this option; leave it out, choose another model, or "
            "set unsupported_option_policy.",
            UnsupportedOption,
        )

    def unsupported_part(self, path: str) -> None:
        """Name a part that this protocol has no place for here."""
        self.refuse(
            path,
            "The provider takes no such part here; leave it out or choose another model.",
            UnsupportedOption,
        )

    def dropped(self, path: str) -> None:
        """Name what the model itself said in an earlier turn and this protocol cannot give back.

        A conversation may move between providers, so it fails no call; but it is said aloud.
        """
        self.warnings.append(
            WarningEvent(
                code=PART_DROPPED,
                message="The provider has no place for this of an earlier turn; it was left out.",
                field=path,
            )
        )

    def wrapped(self, path: str) -> None:
        """Name arguments of an earlier call that are no JSON object, where only one can be."""
        self.warnings.append(
            WarningEvent(
                code=WRAPPED,
                message="The provider takes a JSON object only; what the model wrote instead was "
                "put into one.",
                field=path,
            )
        )

    def moved(self, path: str) -> None:
        """Name instructions that stand later than this protocol has a place for."""
        self.warnings.append(
            WarningEvent(
                code=MOVED,
                message="The provider takes instructions before the conversation only; they were "
                "moved there.",
                field=path,
            )
        )

    def unsupported_medium(self, path: str) -> None:
        """Name a medium that this protocol cannot carry so."""
        self.refuse(
            path,
            "The provider does not take this medium in this form here; choose another form or "
            "another model.",
            UnsupportedModality,
        )

    def refuse(
        self,
        path: str,
        description: str,
        kind: type[InvalidRequest],
        rule: str = "UNSUPPORTED",
    ) -> None:
        """Name a field for which the request has to be refused."""
        self._violations.append(FieldViolation(field=path, description=description, rule=rule))
        self._kinds.add(kind)

    def raw(self, path: str, text: str, kind: type[InvalidRequest]) -> msgspec.Raw:
        """Return JSON text to be sent as it is.

        It is checked here too: text that is not exactly one value could smuggle fields into the
        request.
        """
        try:
            return msgspec.json.decode(text, type=msgspec.Raw)
        except (ValueError, RecursionError):
            self.refuse(path, "Give one JSON value.", kind, "BAD_JSON")
            return msgspec.Raw(b"null")

    def extend(
        self,
        extensions: Sequence[ProviderExtension],
        *,
        provider_kind: str,
        reserved: frozenset[str],
        nested: Mapping[str, frozenset[str]] = NOTHING_NESTED,
        lists: frozenset[str] = frozenset(),
    ) -> None:
        """Add the members of the caller's extensions for this kind of provider, byte for byte.

        What Weir itself writes cannot be overwritten, nor can `reserved` fields be added. Objects
        that are `nested` are added to instead, each with what is reserved within it, and so are
        `lists` of texts.
        """
        for index, extension in enumerate(extensions):
            path = f"options.extensions[{index}]"
            if extension.provider_kind != provider_kind:
                if extension.required:
                    self.refuse(
                        path, "The provider is of another kind.", UnsupportedOption, "UNSUPPORTED"
                    )
                continue
            try:
                members = msgspec.json.decode(extension.json, type=dict[str, msgspec.Raw])
            except (ValueError, RecursionError):
                self.refuse(f"{path}.json", "Give a JSON object.", InvalidRequest, "BAD_JSON")
                continue
            for name, value in members.items():
                if name in nested:
                    self._extend_within(f"{path}.json", name, value, nested[name])
                elif name in lists:
                    self._extend_list(f"{path}.json", name, value)
                else:
                    self._add(f"{path}.json", self.body, name, value, reserved)

    def _extend_within(
        self, path: str, name: str, value: msgspec.Raw, reserved: frozenset[str]
    ) -> None:
        """Add the members of an object to the one that the body has under this name."""
        try:
            members = msgspec.json.decode(value, type=dict[str, msgspec.Raw])
        except (ValueError, RecursionError):
            self.refuse(path, f"Give a JSON object as {name}.", InvalidRequest, "BAD_JSON")
            return
        own = self.body.setdefault(name, {})
        assert isinstance(own, dict)
        for member, inner in members.items():
            self._add(path, own, member, inner, reserved)

    def _extend_list(self, path: str, name: str, value: msgspec.Raw) -> None:
        """Add the texts of a list to the one that the body has under this name, each once."""
        try:
            said = msgspec.json.decode(value, type=list[str])
        except (ValueError, RecursionError):
            self.refuse(path, f"Give a list of texts as {name}.", InvalidRequest, "BAD_JSON")
            return
        own = self.body.setdefault(name, [])
        assert isinstance(own, list)
        own.extend(each for each in said if each not in own)

    def _add(
        self,
        path: str,
        body: dict[str, object],
        name: str,
        value: msgspec.Raw,
        reserved: frozenset[str],
    ) -> None:
        if name in reserved or name in body:
            self.refuse(
                path,
                "Leave out members that Weir sets itself or that other options set.",
                InvalidRequest,
                "CONFLICT",
            )
        else:
            body[name] = value

    def encode(self) -> bytes:
        """Return the body as JSON. Raises what the fields named call for, all of them in one."""
        if self._violations:
            kind = next(iter(self._kinds)) if len(self._kinds) == 1 else InvalidRequest
            raise kind(violations=self._violations)
        return msgspec.json.encode(self.body)
