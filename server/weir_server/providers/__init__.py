"""How is each provider spoken to? Wire formats (pure), one HTTP transport, and the embedded ones."""
