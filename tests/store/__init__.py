"""The durable books, against real databases."""
