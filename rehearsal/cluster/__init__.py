"""The Kubernetes cluster of the rehearsal: a real control plane, played nodes, and a kubelet that runs processes."""
