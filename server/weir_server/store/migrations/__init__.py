"""How did the tables come to be what they are? One step in `versions/` after another."""
