"""A report that a learner hands in: one file, signed by a key of the lab that wrote it."""
