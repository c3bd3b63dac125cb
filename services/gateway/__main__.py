"""`python -m gateway` runs the edge until SIGTERM."""

from gateway.app import running
from gateway.config import Config
from servicekit.process import main

main(Config, running)
