"""How does Cohere speak, in version 2 of its API? Requests out, answers in, refusals explained."""
