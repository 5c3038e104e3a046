"""The instruction set: one table, and the encoder, assembler and reference page derived from it."""
