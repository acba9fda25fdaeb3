"""Who may enter the cluster: IAM authenticates, RBAC authorizes."""
