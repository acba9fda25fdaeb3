"""The program that `pulumi up` runs on AWS. `./lab up` runs the same function against the rehearsal, and not this file:
whoever comes here as the stack `rehearsal` has called pulumi by hand, and would build a lab that costs money."""

import pulumi

if pulumi.get_stack() == "rehearsal":
    raise pulumi.RunError(
        "The stack rehearsal belongs to ./lab, and pulumi alone would build it on AWS. "
        "Run ./lab up for the rehearsal, or make a stack of another name: pulumi stack init dev."
    )

from infra.stack import deploy  # seconds of imports, which a refusal does not need

deploy()
