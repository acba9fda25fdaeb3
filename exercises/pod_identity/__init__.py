"""AWS rights for a pod by EKS Pod Identity."""
