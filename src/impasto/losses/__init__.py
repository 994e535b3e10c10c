"""Objectives shared by methods: content, style, smoothness; and their check."""
