"""What is handed out beside the package."""
