"""Cryptography over the lab's own objects: parts whose answers the learner hands in and the lab checks."""
