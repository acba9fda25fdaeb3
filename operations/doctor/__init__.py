"""Whether the lab can be created, checked before its first resource.

Thin probes look (`probes`, `machine`) and write down what they saw (`seen`); `diagnose` alone judges it, needs no
AWS for that, and says for every finding what to do.
"""
