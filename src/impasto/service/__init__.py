"""Painting over HTTP: what is asked, what is allowed, who paints it, what is answered."""
