"""Elastic Load Balancing V2: application and network load balancers as an account sees them.

No traffic goes through them. What is true to AWS is what has to be there before what, who uses what, and what
stays in the way of a network's end.
"""
