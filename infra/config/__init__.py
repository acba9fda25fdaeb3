"""The stack's settings: read, checked and explained. The program and the command line read them here alone."""
