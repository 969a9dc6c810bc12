"""How is Amazon Bedrock spoken to? The Converse API: one protocol for the models of many makers.

Facts about it come from the vendor's API reference of the Bedrock Runtime, version 2023-09-30.
"""

KIND = "bedrock"
"""Whose extensions are sent, whose state is taken back, and what unknown blocks are marked with."""
