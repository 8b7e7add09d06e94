"""Score reviews in bulk: the worker and its command line."""
