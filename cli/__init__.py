"""The operator's command line: one file a command in `commands`, what they print in `views`."""
