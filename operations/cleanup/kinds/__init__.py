"""How each kind of AWS resource is found and deleted, one file a service."""
