"""Which messages and methods does Weir speak? The stubs generated from `proto/weir/v1`."""
