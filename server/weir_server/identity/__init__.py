"""Who calls? Keys and their hashes, the callers known lately, and the first operator's key."""
