"""Why a row of a check failed, and what to do about it.

A verdict alone leaves a learner with the question what to look at. Here what decides the answer is read again (RBAC's
objects, access entries and aws-auth, trust and attached policies, annotation, association) and compared with what the
exercise makes. It is computed after the asking and changes no verdict.
"""

from exercises.diagnosis.explain import explain
from exercises.diagnosis.finding import Finding

__all__ = ["Finding", "explain"]
