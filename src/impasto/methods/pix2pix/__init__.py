"""Translation learned from pairs (Isola, Zhu, Zhou and Efros, CVPR 2017).

``network.py`` is the generator, ``objective.py`` what it learns by, ``presets.py`` the constants
of the sources, ``painter.py`` how it translates, ``files.py`` what its files hold.
"""
