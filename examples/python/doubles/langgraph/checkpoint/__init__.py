"""Savers."""
