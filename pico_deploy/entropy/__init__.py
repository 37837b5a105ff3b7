"""The integer entropy model: quantise, prove, build tables, write `entropy.bin`, and a NumPy reference of it all."""
