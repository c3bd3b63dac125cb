"""What billing does: each operation reads, decides by the pure rules, and writes in one transaction."""
