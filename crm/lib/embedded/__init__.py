"""Django's PostgreSQL backend on the embedded server: the first connection starts it, so nothing else has to think of it."""
