"""OWASP K04: tenants of whom each decides by itself which pods it forbids."""
