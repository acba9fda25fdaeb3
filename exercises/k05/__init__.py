"""K05, inadequate logging and monitoring: calls in the audit log, and rules that see an intruder in it."""
