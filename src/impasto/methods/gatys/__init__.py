"""Optimise the picture itself (Gatys et al., CVPR 2016): transfer, texture, inversion.

``settings.py`` says what can be set, ``presets.py`` what the literature set, ``objective.py`` what
is minimised, ``optimizers.py`` by which steps, ``optimize.py`` at which sizes.
"""
