"""How the tables came to be; run by `overdue db upgrade`."""
