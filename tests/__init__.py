"""Does Weir keep its promises? One folder per stage, and `fakes` for the world outside."""
