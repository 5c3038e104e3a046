"""From the npu dialect to a program."""
