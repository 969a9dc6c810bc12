"""Which kinds of provider can a configuration name?"""

from typing import Literal

Kind = Literal["openai", "gemini", "vertex", "local", "echo"]

REMOTE: tuple[Kind, ...] = ("openai", "gemini", "vertex")
"""Kinds that are reached over the network, with an address and a credential."""
