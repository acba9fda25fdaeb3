"""Cryptography over the lab's own objects: six parts whose answers the learner hands in and the lab checks."""
