"""The version of this distribution, once."""

from importlib.metadata import version

VERSION = version("gesso")
