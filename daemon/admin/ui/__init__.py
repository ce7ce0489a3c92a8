"""The web page: its files, and the glances and charts that it draws."""
