"""Stand-in for the `eks` component provider: the children of pulumi_eks' components, registered in Python.

The real one is a Node.js program, and no Node.js is to be had offline. The
components here register the same children, with the same names, parents,
dependencies and inputs, as pulumi-eks 4.4.0 does (source: github.com/pulumi/pulumi-eks,
nodejs/eks, as of 2026-08), so that a stack's state looks alike in both worlds.
"""
