"""What the exercises find in the cluster and in IAM: one component an exercise, each usable alone.

Names of objects, containers and commands are those of the study note, so that its commands work as written.
"""
