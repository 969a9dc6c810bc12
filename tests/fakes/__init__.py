"""What stands in for time and trust in tests? A clock moved by hand, and certificates.

The vendor is played by `weir_server.fake_upstream`, which users have too.
"""
