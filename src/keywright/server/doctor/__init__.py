"""What `keywright doctor` looks at, one file a part: each answers findings, and changes nothing."""
