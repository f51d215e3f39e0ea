"""What people can do to a case or a company, one file per family of verbs.

`verbs` is the table of those for a case, `switches` of those for a company.

Each verb is one short transaction: check right and state, record the decision, move the case. None
talks to the outside world; what follows from it is a row that becomes due.
"""
