"""AWS's prices for the parts of a lab: the dated table, and AWS's own answer.

The table is why an estimate needs neither credentials nor a network; AWS's answer is why it need not be old.
"""
