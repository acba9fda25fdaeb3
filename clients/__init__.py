"""The lab's ways out to AWS, with time limits and retries in one place."""
