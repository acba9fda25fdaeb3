"""The exercises, a folder each: what the stack makes for it (`component`), and who asks what and what must come back
(`checks`). The catalogue and the registry have all of them."""
