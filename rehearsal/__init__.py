"""Plays AWS and EKS on this machine, so that the real engine can run a program offline and free."""
