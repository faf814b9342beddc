"""Which credentials a worker uses in a scope: the file that says so, and the choice. Each cloud's SDK does the rest."""
