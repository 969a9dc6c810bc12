"""The whole server over a channel."""
