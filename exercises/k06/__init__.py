"""OWASP K06: tokens that never expire, and who can make them."""
