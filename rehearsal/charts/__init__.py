"""Helm charts for a world: had from a directory or a repository, or recorded when they cannot be had."""
