"""The model's cage: what it is asked, what of its answers is taken, and the rules beside it."""
