"""Tests of how tokens are counted and attempts metered."""
