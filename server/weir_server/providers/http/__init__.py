"""How does Weir reach a provider? One guarded, bounded HTTP client; nothing else dials out."""
