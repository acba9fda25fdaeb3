"""OWASP K06: tokens without an end, and who can make them."""
