"""Benchmarks of the worker against other ways to do the same job. Not part of the installed package.

Run from the root of the repository: `python -m benchmarks --help`.
"""
