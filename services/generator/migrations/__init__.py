"""The generator's schema, one forward step per file."""
