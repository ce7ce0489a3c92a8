"""What people and programs outside reach over HTTP: the platform API, health and metrics."""
