"""The program that `pulumi up` runs on AWS. `./lab up` runs the same function against the rehearsal."""

from infra.stack import deploy

deploy()
