"""DeepDream: raise what a network sees in a picture, at several sizes of it.

settings.py    what can be set
presets.py     settings by their authors, and ours for each network
objective.py   what is raised, and its gradient, tile by tile
ascent.py      the method: octaves, jitter, smoothing, the step
zoom.py        a video that falls into its own dream
"""
