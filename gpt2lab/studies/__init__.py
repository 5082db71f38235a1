"""Studies: trainings and measurements over many seeds, whose results come with the course."""
