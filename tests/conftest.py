"""What every test needs before gRPC is imported: a library that reports errors only."""

import os

# At its default level the library prints each connection that a stopped server closed.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
