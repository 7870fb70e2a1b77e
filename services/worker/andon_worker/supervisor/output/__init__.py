"""What runs say: cut into lines, bounded, kept."""
