"""What others see of runs and steps while they go on."""
