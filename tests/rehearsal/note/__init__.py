"""The study note, line by line: what to type, what answers, and how that is checked."""
