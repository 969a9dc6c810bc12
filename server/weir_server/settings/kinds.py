"""Which kinds of provider can a configuration name?"""

from typing import Literal

Kind = Literal["openai", "weir", "local", "echo"]

REMOTE: tuple[Kind, ...] = ("openai", "weir")
"""Kinds that are reached over the network, with an address and a credential."""
