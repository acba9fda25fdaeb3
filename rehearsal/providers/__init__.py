"""Stand-ins for the provider plugins, speaking Pulumi's provider protocol."""
