"""`python -m gallery` runs the gallery until SIGTERM."""

from gallery.app import running
from gallery.config import Config
from servicekit.process import main

main(Config, running)
