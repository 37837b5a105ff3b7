"""Making conformance vectors: an explicit act with a documented command, no part of a check."""
