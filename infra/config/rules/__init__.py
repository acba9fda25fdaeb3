"""What settings have to obey, one file a subject."""
