"""Has Weir room for one more call? What it does against its own overload."""
