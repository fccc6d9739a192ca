"""The account itself: e-mail address, names, roles, status."""
