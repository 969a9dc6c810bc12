"""How does a Python program call Weir? With the stubs in `weir.v1` and the client beside them."""
