"""The command line: each command parses, calls one function, prints. There is no logic here."""
