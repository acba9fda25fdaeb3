"""A lab as a Pulumi stack, on AWS or in the rehearsal: settings, state, updates, and going on after one was cut off."""
