"""Have I done this very call? Idempotency keys: one run for each, and its answer for all."""
