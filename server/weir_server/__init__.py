"""What is Weir's server made of? One package per step of a call, in the order a call meets them."""
