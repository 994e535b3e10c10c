"""swift, the default painter: any style, several times faster than its ancestors on a CPU.

correction.py  a look at a small painting first
decoder.py     aligned features to a picture
encoder.py     what it sees in a picture
files.py       the network from a file of weights
film.py        what a style does to the decoder
network.py     the network: encode, collect statistics, paint
objective.py   what it learns by
painter.py     painting with it: strength, several styles, regions
shape.py       what can be set, and what passes between the parts
start.py       how a new network begins
"""
