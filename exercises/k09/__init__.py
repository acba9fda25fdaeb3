"""OWASP K09: parts of the cluster that answer whoever asks."""
