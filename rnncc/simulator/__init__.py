"""Runs a program: its values and its cycles."""
