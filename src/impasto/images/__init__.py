"""Pictures: reading, writing, colour, sizes, masks, samples."""
