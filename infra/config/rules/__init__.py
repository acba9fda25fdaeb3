"""What settings have to obey, one file a subject; each rule yields problems and raises nothing."""
