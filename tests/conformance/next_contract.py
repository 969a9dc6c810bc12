"""What would the next contract be? A copy of proto/ with additions of every kind, and its messages.

Nothing is generated: the messages are made at run time from the descriptors that buf builds, so
that they are strangers to every stub in the checkout.
"""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from tests.conformance.languages import ROOT

BUF = ROOT / ".venv/bin/buf"
PUBLISHED = ROOT / "proto/published.binpb"
ADDED_NUMBER = 900
"""Of every field and value that is added: far from what a real addition will take."""

_AFTER: Mapping[str, Mapping[str, str]] = {
    "generation.proto": {
        "  FINISH_REASON_OTHER = 11;": "  FINISH_REASON_ADDED = 900;",
        "  oneof event {": "    AddedEvent added_event = 900;",
        "  oneof delta {": "    string added_delta = 900;",
        "message ResponseMetadata {": "  repeated string added_facts = 900;",
        "message GenerationOptions {": "  AddedEvent added_option = 900;",
    },
    "content.proto": {
        "  oneof kind {": "    AddedPart added_part = 900;",
    },
    "provider_service.proto": {
        "message ChatRequest {": "  string added_wish = 900;",
        "message ChatResponse {": "  map<string, string> added_answer = 900;",
        "message StreamChatResponse {": "  string added_batch_id = 900;",
        "service LLMProviderService {": (
            "  rpc Added(AddedRequest) returns (AddedResponse);\n"
            "  rpc StreamAdded(AddedRequest) returns (stream AddedResponse);"
        ),
    },
}
"""By file: what is added, after which line. The line stands there once, or its first counts."""

_MESSAGES = {
    "generation.proto": "message AddedEvent { string note = 1; repeated int64 numbers = 2; }",
    "content.proto": "message AddedPart { string caption = 1; bytes pixels = 2; }",
    "provider_service.proto": (
        "message AddedRequest { string question = 1; }\n"
        "message AddedResponse { string answer = 1; }"
    ),
}


class NextContract:
    """The contract with the additions, and the messages of it."""

    def __init__(self, folder: Path) -> None:
        """`folder`: where the copy is written."""
        self._folder = folder
        shutil.copytree(ROOT / "proto", folder / "proto")
        shutil.copy(ROOT / "buf.yaml", folder)
        for name, added in _AFTER.items():
            file = folder / "proto/weir/v1" / name
            text = file.read_text()
            for line, addition in added.items():
                assert f"{line}\n" in text, f"{name} has no line {line!r} any more"
                text = text.replace(f"{line}\n", f"{line}\n{addition}\n", 1)
            file.write_text(f"{text}\n{_MESSAGES[name]}\n")
        image = folder / "next.binpb"
        self._buf("build", "-o", str(image))
        self._pool = DescriptorPool()
        for described in FileDescriptorSet.FromString(image.read_bytes()).file:
            self._pool.Add(described)

    def breaks(self) -> str:
        """Return what buf finds that breaks callers of the published contract; "" if nothing."""
        return self._buf("breaking", "--against", str(PUBLISHED), check=False)

    def message(self, name: str) -> Any:
        """Return the class of a message of `weir.v1`."""
        return GetMessageClass(self._pool.FindMessageTypeByName(f"weir.v1.{name}"))

    def _buf(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            [str(BUF), *arguments], cwd=self._folder, capture_output=True, text=True, check=False
        )
        said = done.stdout + done.stderr
        assert not check or done.returncode == 0, said
        return said if done.returncode else ""
