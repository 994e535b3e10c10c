"""Training on the user's own pictures, on Lightning's loop."""
