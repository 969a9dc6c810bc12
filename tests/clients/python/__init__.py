"""Does the Python client keep its promises? Against a real gRPC server that plays scripts."""
