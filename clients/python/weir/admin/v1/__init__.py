"""What do operators ask of a running Weir? The stubs generated from `proto/weir/admin/v1`."""
