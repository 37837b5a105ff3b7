"""Run a bundle on this machine: photos in, streams out, and back. Runtimes load when asked for."""
