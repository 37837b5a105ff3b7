"""What people see and the mean squared error does not: perceptual losses and their networks."""
