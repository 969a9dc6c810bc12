"""In what is the embedded engine spoken to otherwise than OpenAI? Data, each with its scar.

All of it was measured on xllamacpp 2026.10.11549 and can go when the engine changes.
"""

from dataclasses import replace

from weir_server.providers.http.watchdog import HttpLimits
from weir_server.providers.wire.openai.quirks import LLAMA_CPP

DIALECT = replace(
    LLAMA_CPP,
    # The kind that callers know it by: what they add for OpenAI is not meant for it.
    provider_kind="local",
    # A bare completion of a question ends at once, without a word: the model only knows chats.
    legacy_completions=False,
    # The engine notices that a caller has left when it next writes to it. Asked for its progress,
    # it writes after every batch of the prompt. Otherwise it looks once a second, but not while
    # another slot is generating: a prompt of 4,000 tokens then runs to its end, 12 s, for nobody.
    default_options={"return_progress": True},
)

CONNECTION_HEADERS = {"connection": "close"}
"""After a stream the listener closes a connection that it promised to keep: a third of the next
requests on it failed. A new one costs 0.4 ms."""

LIMITS = HttpLimits(
    # Headers come with the first progress of the prompt, so after the wait for a free slot; and
    # while other slots read their prompts, this one's progress stands still. The call's deadline
    # is the bound, and a dead engine closes its sockets.
    headers_s=3_600.0,
    idle_s=3_600.0,
    # A prompt's progress brings no event: 128 batches of 64 tokens fill the largest context.
    max_quiet_reads=1_000,
)
