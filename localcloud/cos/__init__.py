"""COS: what a bucket and an object can be asked."""
