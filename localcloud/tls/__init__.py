"""HTTPS: a certificate authority of our own, certificates on demand, and the door they are for."""
