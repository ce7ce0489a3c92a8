"""What is told: changes become notifications with the exact bytes that are signed and sent."""
