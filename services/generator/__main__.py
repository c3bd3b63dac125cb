"""`python -m generator` runs the generator until SIGTERM."""

from generator.app import running
from generator.config import Config
from servicekit.process import main

main(Config, running)
