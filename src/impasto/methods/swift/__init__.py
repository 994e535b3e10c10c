"""swift, the default painter: any style, several times faster than its ancestors on a CPU.

network.py    the network: encode, collect statistics, paint
objective.py  what it learns by
painter.py    painting with it: strength, several styles, regions
"""
