"""AWS rights for a pod by IAM roles for service accounts."""
