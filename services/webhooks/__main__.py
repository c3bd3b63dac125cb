"""`python -m webhooks` runs the webhooks service until SIGTERM."""

from servicekit.process import main
from webhooks.app import running
from webhooks.config import Config

main(Config, running)
