"""The study note's verbs of eksctl, as of github.com/eksctl-io/eksctl v0.215.0; not eksctl itself.

The real one asks CloudFormation in each of these verbs, `get cluster` included, and the rehearsal does not play it;
its build takes 8 minutes of CPU and 2 GB of cache besides (2 slow cores, Go 1.26, November 2026). So the verbs are the
lab's own: flags, columns and log lines are eksctl's, and what CloudFormation would make (a role with its tags) is
made by IAM itself.
"""

from programs.eksctl.commands import main as main
