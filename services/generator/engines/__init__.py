"""Engines that draw on this machine, each in child processes of its own."""
