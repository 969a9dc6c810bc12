"""How is each provider spoken to? Wire formats (pure), one HTTP transport, the embedded ones."""
