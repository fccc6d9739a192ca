"""The hosted pages: server-rendered HTML that works without JavaScript."""
