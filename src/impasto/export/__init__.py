"""Painters as files that other programs run: ONNX, OpenVINO, torch programs, cameras.

parts.py      what graphs are built of: reflection, moments, means of cells, norms spelled out
graphs.py     one module per method, from named inputs to a picture
table.py      which method becomes which graph, and what it is compared with
settings.py   what can be said about an export
convert.py    the order of things: trace, convert, quantise, compare, write
exported.py   what came of it
onnx.py  openvino.py  program.py   one file per format
quantize.py   int8 by pictures to calibrate on
oak.py        fixed shape, bytes in and out, for Luxonis' cameras
web.py        a folder that paints in the browser: folder.py, npm.py, presets.py; site/ is its page
verify.py     the result run beside torch
"""
