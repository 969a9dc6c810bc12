"""How is another Weir asked? Over gRPC, contract to contract, so that gateways chain."""
