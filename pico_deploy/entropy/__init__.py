"""The integer entropy model: quantise, prove, build tables, write `entropy.bin`, NumPy
reference."""
