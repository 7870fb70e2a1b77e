"""What people ask for: each makes its 202 true, in one transaction or one statement."""
