"""What networks see in a picture: VGG's layers by name, and statistics of features."""
