"""The sketch engine's vector art: installed from a pinned npm package, read from one compact file, never committed."""

from generator.engines.art.library import INSTALL_COMMAND, ArtLibrary, ArtMissing, art_dir, library_path

__all__ = ["INSTALL_COMMAND", "ArtLibrary", "ArtMissing", "art_dir", "library_path"]
