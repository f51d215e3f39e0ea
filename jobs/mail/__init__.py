"""From an approved letter to a mail handed to a server, and the outcome."""
