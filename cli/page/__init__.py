"""The lab in a browser: a server on this machine's own address that shows what the commands tell, and runs them.

It computes nothing of its own: what it reads it asks of the functions behind the commands (`look`), and what changes
anything is the command itself, as a child process (`runs`). Nobody but the browser that was opened gets in (`guard`).
"""
