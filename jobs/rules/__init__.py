"""What Overdue knows and decides, as pure functions and values: no clock, network or database."""
