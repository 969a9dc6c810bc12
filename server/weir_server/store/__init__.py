"""Where are the durable books? In SQLite by default, in PostgreSQL by address."""
