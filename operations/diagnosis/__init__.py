"""Why a row of a check failed, and what to do about it.

A verdict alone leaves a learner with the question what to look at. Here what decides the answer is read again (RBAC's
objects, access entries and aws-auth, trust and attached policies, annotation, association) and compared with what the
exercise makes. It is computed after the asking and changes no verdict.
"""

from grading.finding import Finding
from operations.diagnosis.explain import explain
from operations.diagnosis.gates import is_gate

__all__ = ["Finding", "explain", "is_gate"]
