"""Codes on given units: compiled kernels, non-negative sparse coding, least-angle paths, dictionaries."""
