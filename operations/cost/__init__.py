"""What the lab costs an hour, from AWS prices."""
