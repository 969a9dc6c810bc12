"""How many tokens can a vendor tell and be believed?"""

BELIEVABLE_MAX_TOKENS = 100_000_000
"""More tokens than any model reads or writes in one call, by far."""
