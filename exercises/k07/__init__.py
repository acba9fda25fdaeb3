"""OWASP K07: pods that reach their node's metadata service, and with it the node's role."""
