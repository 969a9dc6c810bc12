"""Is the request well formed, and can the model do what it asks? Both, or it goes no further."""
