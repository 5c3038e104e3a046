"""Cycles of one instruction on one machine: pure functions."""
