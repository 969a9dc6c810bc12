"""Which scenarios are there? Each module makes one file; `python -m tests.conformance.golden`."""
