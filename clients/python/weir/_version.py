"""Which release of the client is this? The same number as in the package's metadata."""

VERSION = "0.1.0"
