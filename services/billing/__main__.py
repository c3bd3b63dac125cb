"""Runs the billing service until SIGTERM."""

from billing.app import running
from billing.config import Config
from servicekit.process import main

if __name__ == "__main__":
    main(Config, running)
