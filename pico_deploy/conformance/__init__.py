"""Proof that streams decode alike: an exact tier for symbols, a tolerance tier for pixels."""
