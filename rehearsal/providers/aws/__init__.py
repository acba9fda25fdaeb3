"""Stand-in for the AWS provider: makes, reads and deletes by boto3 what the real one would."""
