"""What runs the course: opening it, its notebooks and their rules, coverage, the tests."""
