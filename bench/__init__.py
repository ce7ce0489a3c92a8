"""Benchmarks of the product beside a bare pipeline that does the same work with nothing around it."""
