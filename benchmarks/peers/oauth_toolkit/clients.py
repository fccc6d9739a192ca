"""The clients of the OAuth server, known to its seed and to those who ask it."""

APP = "app"
APP_CALLBACK = "https://app.example.com/callback"
SERVICE = "service"
SERVICE_SECRET = "kX2pWm7cQ9vTzL4nR8sYb3hJ6dF1gA5e0uKtNqVwCxPiMoEjZr"
