"""What was changed, and in which order? Steps that were once published are never edited."""
