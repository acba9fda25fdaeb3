"""What holds for every test: speed is measured in the benchmark, so no property test fails for being slow."""

from hypothesis import settings

settings.register_profile("lab", deadline=None)
settings.load_profile("lab")
