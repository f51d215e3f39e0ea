"""One file per door that people have. Each is one short transaction: right, state, decision, move.

They never talk to the world; what follows is a row that is due.
"""
