"""The edge: HTTP in, gRPC out; it keeps no state."""
