"""How does one talk to a server that speaks OpenAI's protocol? Chats, completions, embeddings.

`wire.OpenAIWire` is the way in; `quirks` holds what vendors do differently.
"""
