"""What every room uses and what knows no room: settings, database, errors, web, clock, crypto."""
