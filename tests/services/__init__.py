"""Real servers for tests: PostgreSQL and Redis, on loopback, one of each for a run."""
