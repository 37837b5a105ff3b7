"""The core's conformance across compilers and CPUs, on one machine: builds, emulators, a table."""
