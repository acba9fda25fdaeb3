"""What the lab is: its configuration, its versions, its components in their order."""
