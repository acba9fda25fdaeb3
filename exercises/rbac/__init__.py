"""What a service account may do in the cluster."""
