"""The exercises as data: who asks what at which stage, and what must come back."""
