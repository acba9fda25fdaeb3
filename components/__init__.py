"""The parts of the lab, one ComponentResource a file, each usable alone."""
