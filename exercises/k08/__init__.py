"""OWASP K08: a Secret that everybody reads who may create pods beside it."""
