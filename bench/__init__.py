"""Benchmarks of the product beside a bare pipeline that does the same work and nothing else."""
