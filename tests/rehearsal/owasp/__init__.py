"""Tables of what learners do to the exercises by hand: half repairs, right ones, and ones that go too far."""
