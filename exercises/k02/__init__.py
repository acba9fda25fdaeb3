"""K02, supply chain vulnerabilities: which images a namespace takes, by registry and by digest."""
