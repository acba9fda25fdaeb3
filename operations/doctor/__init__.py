"""Whether the lab can be built, checked before its first resource.

Thin probes (`probes`, `rights`, `quota_usage`, `machine`) ask and write down what they saw (`observations`); `rules`
alone judge it, need no AWS for that, and say for every finding what to do.
"""
