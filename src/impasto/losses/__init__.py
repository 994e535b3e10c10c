"""Objectives shared by methods: content, style, smoothness."""
