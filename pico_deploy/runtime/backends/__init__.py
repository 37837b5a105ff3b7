"""One module per runtime that can execute a part; each imports its library when it is loaded, never
before.
"""
