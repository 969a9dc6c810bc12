"""How does one talk to Google's Gemini? Chats, token counts, embeddings; two doors, one protocol.

`wire.GeminiWire` is the way in; `dialect` holds in what AI Studio and Vertex differ.
"""
