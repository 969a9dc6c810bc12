"""How is Weir set up? One typed, frozen tree; the only reader of environment and files."""
