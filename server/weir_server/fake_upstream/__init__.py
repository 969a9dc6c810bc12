"""How is a client tested against a provider that misbehaves? A real server on loopback that can."""
