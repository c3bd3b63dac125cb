"""Processes are killed at named places and at random; every job must end rightly, and every cent be accounted for."""
