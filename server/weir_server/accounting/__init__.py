"""What did this attempt use? Tokens are counted here, and every attempt gets its usage."""
