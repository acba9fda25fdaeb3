"""What an operator does beside `up` and `down`: look ahead, look for leftovers, count the cost, ask who may do what."""
