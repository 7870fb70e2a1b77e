"""How every command reads its options, finds its system, and shows what it found."""
