"""Which kinds of provider can a configuration name?"""

from typing import Literal

Kind = Literal[
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
    "local",
    "echo",
]

REMOTE: tuple[Kind, ...] = (
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
)
"""Kinds that are reached over the network, with an address and a credential."""
