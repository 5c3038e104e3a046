"""Loops executed at once: independent iterations become one more extent of each instruction.

A program cuts its work to what the machine's memories hold; the host that simulates it has no such limits. An
innermost loop whose iterations do not depend on one another is therefore run as wide instructions: streamed panels
of weights as one matrix-vector product, blocks of a hoisted product as one matrix product. Only values are concerned;
cycles follow the program as it is.

* ``forms``: what the loop's registers hold, as outer registers plus a number for each iteration.
* ``ranges``: what outer registers may hold.
* ``accesses``, ``clusters``: which bytes the iterations touch, and why they do not meet.
* ``rotate``: pipelined loops, whose iterations use one another's results.
* ``widen``: an instruction with the iteration as one more extent.
* ``plan``: all of a loop, and what memory and registers hold behind it.
"""
