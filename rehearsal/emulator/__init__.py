"""The AWS side of the rehearsal: an emulator of the services that the lab touches, in one process.

ministack answers most calls and enforces IAM; what it lacks, or answers more
kindly than AWS does, is added here: EKS as a whole, EKS's authenticator and
access-policy authorizer, instances and their addresses, and the refusals that
decide in which order a stack can be torn down.
"""
