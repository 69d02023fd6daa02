"""What a bucket can be set to: a table of stored documents, and a module for what has effect."""
