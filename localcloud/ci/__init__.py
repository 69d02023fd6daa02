"""Cloud Infinite: what it does to the objects of a bucket that is bound to it."""
