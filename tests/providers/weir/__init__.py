"""Tests of the provider that is a Weir."""
