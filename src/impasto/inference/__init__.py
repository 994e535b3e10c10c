"""Painting whole pictures: what stands between a file and a network."""
