"""The whole platform on one machine: PostgreSQL out of a wheel and the five services as processes, never imported."""
