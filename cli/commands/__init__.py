"""The commands of `./lab`, one a file; each registers itself with the application."""
