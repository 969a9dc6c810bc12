"""Which kinds of provider are there, and how is each spoken to? One row each in `table`."""
