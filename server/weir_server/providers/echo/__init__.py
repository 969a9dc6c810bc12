"""What answers without any provider? An echo that follows a script, for demos and tests."""
