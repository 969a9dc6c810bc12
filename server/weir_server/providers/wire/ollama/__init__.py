"""How does Ollama speak, in its own API? Requests out, answers in, refusals explained."""
