"""Who speaks OpenAI's protocol? One row each: address, habits, what its models can do.

`table.VENDORS` has them all; a new vendor is a row in the module of its group.
"""
