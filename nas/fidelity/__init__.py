"""How far a candidate is trained: rules that stop it, their state a function of the record."""
