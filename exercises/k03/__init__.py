"""OWASP K03: a CI robot that may do too much."""
