"""Which kinds of provider can a configuration name?"""

from typing import Literal, get_args

_Remote = Literal[
    "openai",
    "openai-responses",
    "azure-openai",
    "anthropic",
    "gemini",
    "vertex",
    "bedrock",
    "cohere",
    "ollama",
    "weir",
]
Kind = Literal[_Remote, "local", "echo"]

REMOTE: tuple[Kind, ...] = get_args(_Remote)
"""Kinds that are reached over the network, with an address and a credential."""
