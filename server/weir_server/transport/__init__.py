"""How do callers reach Weir? The only place that speaks gRPC: edge, streams, statuses, serving."""
