"""testuser's access key: made for one command, and deleted after it whatever happens."""
