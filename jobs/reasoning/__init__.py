"""The model's cage: what it is asked, which answers are accepted, and the rules next to it."""
