"""Tests of the page in Debian's Chromium. They stand beside the others: not every machine has a browser."""
