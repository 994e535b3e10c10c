"""Translation learned without pairs (Zhu, Park, Isola and Efros, ICCV 2017).

``network.py`` is the generator, ``objective.py`` what it learns by, ``presets.py`` the constants
of the sources, ``painter.py`` how it translates, ``files.py`` what its files hold.
"""
