"""Scripted upstreams speak the vendors' protocols on 127.0.0.1, misbehave as they are told, and remember everything."""
