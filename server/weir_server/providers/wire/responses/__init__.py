"""How does one talk to OpenAI's Responses API, without leaving anything there?

`wire.ResponsesWire` is the way in. The vendor keeps nothing (`store: false`): each request carries
the whole conversation, and what the model must find again travels in the parts' provider_state.
"""
