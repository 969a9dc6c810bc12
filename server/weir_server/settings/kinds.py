"""Which kinds of provider can a configuration name?"""

from typing import Literal

Kind = Literal["openai", "bedrock", "local", "echo"]

REMOTE: tuple[Kind, ...] = ("openai", "bedrock")
"""Kinds that are reached over the network, with an address and a credential."""
