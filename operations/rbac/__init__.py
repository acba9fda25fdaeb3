"""Who may do what: the cluster's RBAC objects as data, and the questions that the study note asks of them.

`objects` is the data, `evaluate` answers from it and touches nothing else,
`reader` brings it from the API server, `principals` tells which IAM principals
stand behind the users and groups.
"""
