"""AdaIN: any style by aligning channel statistics (Huang and Belongie, ICCV 2017).

``network.py`` is the method, ``objective.py`` what it learns by, ``presets.py`` the constants of
the paper and of those who built it again, ``painter.py`` how it paints.
"""
