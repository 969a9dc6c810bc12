"""Do the fakes do what they say? Without this, a green fault test would prove nothing."""
