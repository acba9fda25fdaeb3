"""K01, insecure workload configurations: a namespace that takes any pod, and what Kubernetes itself can refuse."""
