"""Where things are measured: profiles of devices, ways to reach them, evidence of what they are."""
