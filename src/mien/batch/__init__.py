"""Many files in one run: read in parallel, written as they finish, resumed when interrupted."""
