"""EKS: clusters, node groups, add-ons and access entries, on real control planes.

ministack's EKS starts a container and knows a third of the API, so all of it
is answered here; ministack still checks every caller's signature and rights.
"""
