"""What does a model read of the tools that it may call? As OpenAI's cookbook publishes it.

"How to count tokens with tiktoken", on tool calls: so much for each tool, property and choice, and
a line of name, type and description for each. Nested schemas are counted in the same way, level by
level; what the rule has no words for is counted as it is written.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

from weir.v1.generation_pb2 import FunctionTool

TOKENS_OF_TOOLS: Final = 12
"""Once, where there are any."""
TOKENS_PER_TOOL: Final = 7
TOKENS_PER_TOOL_BEFORE: Final = 10
"""Of models before GPT-4o."""
TOKENS_OF_PROPERTIES: Final = 3
TOKENS_PER_PROPERTY: Final = 3
TOKENS_OF_CHOICES: Final = -3
TOKENS_PER_CHOICE: Final = 3
DEPTH_MAX: Final = 16

_BEFORE_GPT_4O = re.compile(r"gpt-(3\.5|4(?![.o\d]))").match
_SAID = frozenset({"type", "description", "enum", "properties", "items", "required"})

Counted = tuple[str, int]
"""A text to be counted, and tokens that come with it."""


def tokens_per_tool(vendor_model: str) -> int:
    """Return what a tool costs beside its words."""
    return TOKENS_PER_TOOL_BEFORE if _BEFORE_GPT_4O(vendor_model) else TOKENS_PER_TOOL


def read_tool(function: FunctionTool) -> Iterator[Counted]:
    """Read what a tool says of itself."""
    yield f"{function.name}:{function.description.rstrip('.')}", 0
    if not function.parameters_json_schema:
        return
    try:
        schema = json.loads(function.parameters_json_schema)
    except (ValueError, RecursionError):
        yield function.parameters_json_schema, 0
        return
    yield from _properties(schema, 0)


def _properties(schema: object, depth: int) -> Iterator[Counted]:
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties")
    if not isinstance(properties, dict) or not properties:
        return
    if depth == DEPTH_MAX:
        yield json.dumps(properties), 0
        return
    yield "", TOKENS_OF_PROPERTIES
    for key, said in properties.items():
        yield from _property(key, said if isinstance(said, dict) else {}, depth)


def _property(key: str, said: dict[str, object], depth: int) -> Iterator[Counted]:
    tokens, choices = TOKENS_PER_PROPERTY, said.get("enum")
    if isinstance(choices, list):
        tokens += TOKENS_OF_CHOICES
        for choice in choices:
            yield choice if isinstance(choice, str) else json.dumps(choice), TOKENS_PER_CHOICE
    kind, description = said.get("type", ""), said.get("description", "")
    line = f"{key}:{kind}:{str(description).rstrip('.')}"
    yield line, tokens
    more = {name: value for name, value in said.items() if name not in _SAID}
    if more:
        yield json.dumps(more), 0
    yield from _properties(said, depth + 1)
    yield from _properties(said.get("items"), depth + 1)
