"""The studio: a page in the browser for everything that the command line paints.

Reading order: settings.py (what can be set), desk.py (what the tabs share), running.py (progress
and Stop), work.py (what happens behind the buttons), easel.py (where pictures appear), the tabs,
page.py (how they stand together), serve.py (the door).
"""
