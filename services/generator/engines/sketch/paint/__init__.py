"""Painting: each module puts one kind of thing onto the stage."""
