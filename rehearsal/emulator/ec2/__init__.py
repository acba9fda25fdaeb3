"""What EC2 does and ministack does not: instances that live in their subnets, and refusals."""
