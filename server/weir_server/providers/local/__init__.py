"""How does Weir answer with no key and no account? With a small real model beside it.

`engine` runs it, `weights` finds its file, `tokens` counts as it counts. What is said to it is
the OpenAI chat wire over the one HTTP transport, like to any other endpoint.
"""
