"""OWASP K10, outdated components: what a newer Kubernetes asks for, and an older one does not."""
