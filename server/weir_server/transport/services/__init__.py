"""Who answers each RPC? One module for each service of the contract; none knows a gRPC library."""
