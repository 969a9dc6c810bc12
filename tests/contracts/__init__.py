"""What must every member of a family do? Suites that a new adapter or store inherits."""
