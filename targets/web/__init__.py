"""Browsers: a page that runs the codec, the server that hands it its work, headless Chromium."""
