"""Teaching with the course: editions, plans, slides, a static site. All of it is made from the chapters."""
