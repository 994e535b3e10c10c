"""Where weights come from: bundled, cached, fetched and verified, or a file of the user's."""
