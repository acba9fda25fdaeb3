"""Grades exercises: asks the API server and AWS, and compares what comes back with what an exercise expects."""
