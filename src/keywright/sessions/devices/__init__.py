"""Where an account signed in from before: what makes a sign-in one that its owner hears of."""
