"""What stands in for the world outside Weir? Real servers on loopback that can misbehave."""
