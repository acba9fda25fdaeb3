"""How long the lab takes to create and to delete, predicted from its own resource graph.

An evening's lab is planned around these two waits, and the order in which the
stack registers things decides whether they are as short as the cloud allows.
"""
