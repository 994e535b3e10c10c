"""One network per style (Johnson, Alahi and Fei-Fei, ECCV 2016).

``network.py`` is the network, ``objective.py`` what it learns by, ``presets.py`` the constants of
the sources, ``painter.py`` how it paints.
"""
