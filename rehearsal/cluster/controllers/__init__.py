"""Controllers that play others' behind their images: ordinary clients of an API server and of AWS.

Each is a package that a kubelet starts as `python -m`, with the arguments, the account and the role that its pod
has. They know nothing of the emulator.
"""
