"""Plays the AWS Load Balancer Controller, 3.5.0: Ingresses of class alb become application load balancers.

The real program is not to be had as a Go module. What users of it wait for is the order in which it lets go: an
Ingress keeps its finalizer until its load balancer, target groups and security groups are gone, and whoever takes
the controller or one of its rights away first waits without end. So names, tags, finalizers, events and the calls
to AWS are the real one's, for the annotations in `groups.PLAYED`; an Ingress with any other is refused by an event.

Rules and names: the source of kubernetes-sigs/aws-load-balancer-controller at v3.5.0, read 2026-11.
"""
