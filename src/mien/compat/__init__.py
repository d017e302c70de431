"""Other libraries' calls and answers, so that a program can change by one import."""
