"""A kubelet that really runs the containers which the exercises look into.

KWOK keeps nodes Ready and pods Running, which is enough until a learner types
`kubectl exec` or `kubectl logs`. Then the answer has to come from a process
that has the pod's own token, environment and rights. This room is that
kubelet: the API server speaks to it as to a real one, and containers of the
images that it knows are processes of this machine.
"""
