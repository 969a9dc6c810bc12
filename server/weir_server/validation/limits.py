"""How much may one request hold? Every list, text and number of the contract has its bound here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationLimits:
    """Upper bounds of what a request holds. Free text is bounded by the size of the message."""

    max_messages: int = 2_000
    max_parts_per_message: int = 1_000
    max_parts: int = 10_000
    """Parts of all messages together: what bounds the time that checking takes."""
    max_tools: int = 128
    max_stop_sequences: int = 16
    max_stop_sequence_bytes: int = 256
    max_labels: int = 32
    max_label_key_bytes: int = 63
    max_label_value_bytes: int = 256
    max_logit_biases: int = 1_024
    max_extensions: int = 16
    max_fallback_models: int = 8
    max_embed_inputs: int = 2_048
    max_json_bytes: int = 1024 * 1024
    """Bound of one JSON text: a schema, the arguments of a call, an extension."""
    max_json_depth: int = 64
    max_json_containers: int = 250_000
    """Objects and lists in all JSON texts together: what bounds the time that parsing takes."""
    max_violations: int = 16
    """Where the search ends: status details stay small, and a bad request costs no more."""
