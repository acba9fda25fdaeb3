"""Stand-in for the `kubernetes` provider: any object of any API server on this machine, by server-side apply.

The API server is real, so most of what the real provider does is asking it.
What is the provider's own (names, field managers, what replaces an object,
what is waited for) follows pulumi-kubernetes 4.34.2, for which the comments
name the source. Helm releases are recorded and not installed.
"""
